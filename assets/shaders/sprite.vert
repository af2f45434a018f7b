// One agent. As a point (one corner, a square around it) while it is small, as a quad turned along its heading when large.
in vec2 place;      // m
in vec2 way;        // m: how it came here since the tick before
in vec2 heading;    // its direction from 128 of 255; none looks to +x | sized: 1/256 turns from +x, part of the length
in vec2 tint;       // value on the palette, strength

uniform float size;         // px: length of the shape
uniform float sized;        // 1: every shape has its own length
uniform float shape_width;  // half width as a part of the length
uniform float glow_reach;   // px beyond the shape
uniform float behind;       // which part of that way is still ahead
uniform float ghost;        // what is left of the colour beyond the world's edge
uniform sampler2D palette;

flat out vec3 ink;
flat out vec4 about;        // strength, length px, alpha of the true world, alpha of its images
#ifdef POINT
flat out vec2 forward;
flat out vec2 middle_at;    // m
#else
out vec2 local;             // px, x along the heading
out vec2 at;                // m
#endif

void main() {
    float strength = tint.y;
    float length_px = size * mix(0.45, 1.0, strength) * mix(1.0, heading.y, sized);
    float shown = mix(0.22, 1.0, strength);
    about = vec4(strength, length_px, shown, shown * ghost);
    ink = texelFetch(palette, ivec2(int(tint.x * 255.0 + 0.5), 0), 0).rgb;
    vec2 aim = floor(heading * 255.0 + 0.5) - 128.0;
    vec2 ahead = aim == vec2(0.0) ? vec2(1.0, 0.0) : normalize(aim);
    float turn = heading.x * (255.0 / 256.0 * 6.2831853);
    if (sized > 0.5) ahead = vec2(cos(turn), sin(turn));
    vec2 home = shown_at(place - behind * way);
#ifdef POINT
    forward = ahead;
    middle_at = home;
    gl_PointSize = length_px + 2.0 * glow_reach + 3.0;
    gl_Position = clip(pixel_of(home));
#else
    vec2 corner = vec2((gl_VertexID & 1) == 0 ? -1.0 : 1.0, (gl_VertexID & 2) == 0 ? -1.0 : 1.0);
    vec2 reach = length_px * vec2(0.5, shape_width) + glow_reach + 1.5;
    local = corner * reach;
    vec2 turned = ahead * local.x + vec2(-ahead.y, ahead.x) * local.y;   // world axes, px
    at = home + turned / view_scale;
    gl_Position = clip(pixel_of(home) + vec2(turned.x, -turned.y));
#endif
}
