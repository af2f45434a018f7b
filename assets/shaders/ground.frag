// The ground: a plane with a faint grid, lighter inside the world, its edge a thin line, darker towards the corners.
in vec2 pixel;
out vec4 colour;

uniform vec3 ground;
uniform vec3 beyond;
uniform vec3 line;
uniform float grid;      // alpha of the grid's main lines
uniform float edge;      // alpha of the world's edge
uniform float shade;     // darkening at the corners
uniform float fine;      // how strong the fine lines are
uniform float spacing;   // m between main grid lines; ten fine ones to each
uniform float ui;        // px per point

// How much of a pixel is covered by lines of `width` px at multiples of `step` m.
float ruled(vec2 place, float step, float width) {
    vec2 off = abs(fract(place / step + 0.5) - 0.5) * step * view_scale;
    vec2 cover = clamp(width * 0.5 + 0.5 - off, 0.0, 1.0);
    return max(cover.x, cover.y);
}

// A threshold in -0.5 .. 0.5 that repeats every 4 x 4 pixels: hides the steps between 8-bit colours, and files stay small.
float ordered(ivec2 p) {
    int x = p.x & 3;
    int y = p.y & 3;
    int even = (x ^ y) & 1;
    int far = (x ^ y) >> 1;
    int rank = even * 8 + far * 4 + ((y & 1) * 2) + (y >> 1);
    return (float(rank) + 0.5) / 16.0 - 0.5;
}

void main() {
    vec2 place = place_of(pixel);
    vec2 off = abs(place - world_size * 0.5) - world_size * 0.5;   // negative inside
    float outside = max(off.x, off.y) * view_scale;                // px, negative inside
    float inside = clamp(0.5 - outside, 0.0, 1.0);
    colour.rgb = mix(beyond, ground, inside);

    vec2 wrapped = mod(place, world_size);
    float lines = ruled(wrapped, spacing, ui);
    if (fine > 0.0) lines = max(lines, fine * 0.6 * ruled(wrapped, spacing * 0.1, ui));
    colour.rgb = mix(colour.rgb, line, lines * grid * mix(0.5, 1.0, inside));

    float border = clamp(0.5 * ui + 0.5 - abs(outside), 0.0, 1.0);
    float near = max(0.0, 1.0 + outside / (32.0 * ui));
    float fade = 0.35 * near * near * inside;
    colour.rgb = mix(colour.rgb, line, edge * max(border, 0.18 * fade));

    vec2 corner = (pixel / view_size - 0.5) * 2.0;
    float far = max(0.0, dot(corner, corner) - 0.3) * 0.59;
    colour.rgb *= 1.0 - shade * far * min(far, 1.0);
    colour.rgb += ordered(ivec2(gl_FragCoord.xy)) / 255.0;         // no bands in the dark
    colour.a = 1.0;
}
