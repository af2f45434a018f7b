// A corner of a triangle of the panels, in px from the top left.
in vec2 place;
in vec2 texel;
in vec4 ink;       // not premultiplied

uniform vec2 view_size;

out vec2 at;
out vec4 tone;

void main() {
    at = texel;
    tone = ink;
    vec2 unit = place / view_size * 2.0 - 1.0;
    gl_Position = vec4(unit.x, -unit.y, 0.0, 1.0);
}
