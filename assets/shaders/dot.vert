// One agent, one dot: for shapes of less than about two pixels. Its alpha keeps the light of the true area.
in vec2 place;      // m
in vec2 way;        // m: how it came here since the tick before
in vec2 tint;       // value on the palette, strength

uniform float dot_px;
uniform float shown;
uniform float behind;       // which part of that way is still ahead
uniform float ghost;
uniform sampler2D palette;

flat out vec4 ink;

void main() {
    vec2 home = shown_at(place - behind * way);
    float alpha = shown * mix(0.22, 1.0, tint.y) * mix(ghost, 1.0, within(home));
    ink = vec4(texelFetch(palette, ivec2(int(tint.x * 255.0 + 0.5), 0), 0).rgb * alpha, alpha);
    gl_PointSize = dot_px;
    gl_Position = tint.y < 0.25 ? vec4(2.0, 2.0, 2.0, 1.0) : clip(pixel_of(home));   // faint specks are left out
}
