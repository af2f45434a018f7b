// A picture that was made with another camera, fainter: what has moved out of sight is nothing.
in vec2 unit;
out vec4 colour;

uniform sampler2D before;
uniform float keep;         // part that is kept
uniform vec2 grown;         // size of a pixel now, in pixels of then
uniform vec2 moved;         // how far the middle went, in sizes of the picture of then

void main() {
    vec2 then = (unit - 0.5) * grown + 0.5 + moved;
    vec2 inside = step(vec2(0.0), then) * step(then, vec2(1.0));
    colour = texture(before, then) * keep * inside.x * inside.y;
}
