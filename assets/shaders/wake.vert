// One agent's way of the last tick as a line: two vertices.
in vec2 place;      // m
in vec2 way;        // m: how it came here since the tick before
in vec2 tint;       // value on the palette, strength

uniform float ghost;
uniform float share;        // alpha of a line
uniform sampler2D palette;

flat out vec4 ink;

void main() {
    vec2 home = shown_at(place);
    float alpha = share * tint.y * mix(ghost, 1.0, within(home));
    ink = vec4(texelFetch(palette, ivec2(int(tint.x * 255.0 + 0.5), 0), 0).rgb * alpha, alpha);
    gl_Position = clip(pixel_of(home - float(gl_VertexID & 1) * way));
}
