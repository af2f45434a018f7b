// One agent as one count in the cell of the density map that it is shown in.
in vec2 place;      // m
in vec2 way;        // m: how it came here since the tick before
in vec2 tint;       // value on the palette, strength

uniform float behind;       // which part of that way is still ahead
uniform float ghost;
uniform sampler2D palette;

flat out vec4 ink;

void main() {
    vec2 home = shown_at(place - behind * way);
    float weight = mix(0.12, 1.0, tint.y) * mix(ghost, 1.0, within(home));
    ink = vec4(texelFetch(palette, ivec2(int(tint.x * 255.0 + 0.5), 0), 0).rgb * weight, weight);
    gl_PointSize = 1.0;
    gl_Position = clip(pixel_of(home));
}
