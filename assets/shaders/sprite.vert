// One agent, one quad of four corners, turned along its heading and just large enough for its shape and its light.
in vec2 place;      // m
in vec2 heading;    // any length; (0, 0) looks to +x
in vec2 tint;       // value on the palette, strength

uniform vec2 image;         // m: which image of the world
uniform float size;         // px: length of the shape
uniform float shape_width;  // half width as a part of the length
uniform float glow_reach;   // px beyond the shape
uniform sampler2D palette;

flat out vec3 ink;
flat out float strength;
flat out float length_px;
out vec2 local;             // px, x along the heading
out vec2 at;                // m

void main() {
    strength = tint.y;
    length_px = size * mix(0.45, 1.0, strength);
    ink = texelFetch(palette, ivec2(int(tint.x * 255.0 + 0.5), 0), 0).rgb;
    vec2 corner = vec2((gl_VertexID & 1) == 0 ? -1.0 : 1.0, (gl_VertexID & 2) == 0 ? -1.0 : 1.0);
    vec2 reach = length_px * vec2(0.5, shape_width) + glow_reach + 1.5;
    local = corner * reach;
    float speed = length(heading);
    vec2 forward = speed > 0.0 ? heading / speed : vec2(1.0, 0.0);
    vec2 turned = forward * local.x + vec2(-forward.y, forward.x) * local.y;   // world axes, px
    vec2 middle = pixel_of(place + image);
    if (any(lessThan(middle, -reach.xx)) || any(greaterThan(middle, view_size + reach.xx))) {
        gl_Position = vec4(2.0, 2.0, 2.0, 1.0);                                 // out of sight: no fragments
        return;
    }
    at = place + image + turned / view_scale;
    gl_Position = clip(middle + vec2(turned.x, -turned.y));
}
