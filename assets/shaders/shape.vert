// One drawn thing of a few metres: a stroke, or a sector of a disc or of a ring. Places are relative to `home`.
in vec4 ends;       // m: from where; stroke: the way to its end | sector: outer and inner radius
in vec4 ink;        // not premultiplied
in vec4 what;       // 0 stroke, 1 sector | stroke: width, sector: width of its border, px | sector: from and to, rad; stroke: 1 for blunt ends

uniform vec2 home;      // m
uniform float ghost;    // what is left of the colour beyond the world's edge
uniform float ui;       // px per point

out vec2 local;         // px from where it begins, y up
out vec2 at;            // m
flat out vec4 tone;
flat out vec4 size;     // stroke: the way, px | sector: radii, px
flat out vec4 more;

void main() {
    vec2 corner = vec2((gl_VertexID & 1) == 0 ? -1.0 : 1.0, (gl_VertexID & 2) == 0 ? -1.0 : 1.0);
    vec2 start = shown_at(home + ends.xy);
    float spare = what.y * ui + 2.0;
    size = vec4(ends.zw * view_scale, 0.0, 0.0);
    if (what.x < 0.5) {
        float far = length(size.xy);
        vec2 along = far > 0.0 ? size.xy / far : vec2(1.0, 0.0);
        local = along * (corner.x < 0.0 ? -spare : far + spare) + vec2(-along.y, along.x) * corner.y * spare;
    } else {
        local = corner * (size.x + spare);
    }
    tone = ink;
    more = vec4(what.x, what.y * ui, what.zw);
    at = start + local / view_scale;
    gl_Position = clip(pixel_of(start) + vec2(local.x, -local.y));
}
