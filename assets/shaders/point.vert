// One agent, one point: for shapes of less than about two pixels. Its alpha keeps the light of the true area.
in vec2 place;
in vec2 tint;

uniform vec2 image;
uniform float point_px;
uniform float shown;
uniform float ghost;
uniform sampler2D palette;

flat out vec4 ink;

void main() {
    vec2 p = place + image;
    float inside = step(0.0, p.x) * step(p.x, world_size.x) * step(0.0, p.y) * step(p.y, world_size.y);
    float alpha = shown * mix(0.22, 1.0, tint.y) * mix(ghost, 1.0, inside);
    ink = vec4(texelFetch(palette, ivec2(int(tint.x * 255.0 + 0.5), 0), 0).rgb * alpha, alpha);
    gl_PointSize = point_px;
    gl_Position = clip(pixel_of(p));
}
