// One piece of the overlay: a rounded box, a glyph, or a line.
in vec4 box;       // px: left, top, width, height
in vec4 extra;     // glyph: texels left, top, right, bottom | line: x0, y0, x1, y1 in px | edge: margin, width, px | box: unused
in vec4 ink;       // not premultiplied
in vec3 kind;      // 0 box, 1 glyph, 2 line, 3 palette, 4 edge of a box | radius or stroke width, px | px per font unit

uniform vec2 view_size;

out vec2 local;    // px from the box's middle
out vec2 texel;
flat out vec2 half_box;
flat out vec4 tone;
flat out vec4 more;
flat out vec3 what;

void main() {
    vec2 corner = vec2(float(gl_VertexID & 1), float((gl_VertexID >> 1) & 1));
    half_box = box.zw * 0.5;
    local = (corner - 0.5) * box.zw;
    texel = mix(extra.xy, extra.zw, corner);
    tone = ink;
    more = extra;
    what = kind;
    vec2 unit = (box.xy + corner * box.zw) / view_size * 2.0 - 1.0;
    gl_Position = vec4(unit.x, -unit.y, 0.0, 1.0);
}
