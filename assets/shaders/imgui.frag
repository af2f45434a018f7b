in vec2 at;
in vec4 tone;
out vec4 colour;   // premultiplied, as all our drawing

uniform sampler2D sheet;

void main() {
    vec4 ink = tone * texture(sheet, at);
    colour = vec4(ink.rgb * ink.a, ink.a);
}
