in vec2 local;
in vec2 at;
flat in vec4 tone;
flat in vec4 size;
flat in vec4 more;
out vec4 colour;

uniform float ghost;

void main() {
    float cover;
    if (more.x < 0.5) {
        float far = length(size.xy);
        float along = far > 0.0 ? dot(local, size.xy) / far : 0.0;                    // px
        float t = clamp(along, 0.0, far);
        cover = clamp(more.y * 0.5 + 0.5 - length(local - size.xy * (far > 0.0 ? t / far : 0.0)), 0.0, 1.0);
        if (more.z > 0.5) cover *= clamp(along + 0.5, 0.0, 1.0) * clamp(far - along + 0.5, 0.0, 1.0);
    } else {
        float r = length(local);
        float wide = more.w - more.z;
        float away = max(r - size.x, size.y - r);                          // px outside the ring
        if (wide < 6.28) {
            vec2 first = vec2(cos(more.z), sin(more.z));
            vec2 last = vec2(cos(more.w), sin(more.w));
            float a = local.x * first.y - local.y * first.x;               // px clockwise of the first edge
            float b = last.x * local.y - last.y * local.x;                 // px counter-clockwise of the last one
            away = max(away, (wide <= 3.1416 ? max(a, b) : min(a, b)) + 0.6);
        }
        cover = more.y > 0.0 ? clamp(more.y * 0.5 + 0.5 - abs(away), 0.0, 1.0) : clamp(0.5 - away, 0.0, 1.0);
    }
    float alpha = cover * tone.a * mix(ghost, 1.0, within(at));
    colour = vec4(tone.rgb * alpha, alpha);
}
