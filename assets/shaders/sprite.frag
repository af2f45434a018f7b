// The shape of an agent as a signed distance (px), filled, rimmed with the ground's colour, with light around it.
flat in vec3 ink;
flat in vec4 about;         // strength, length px, alpha of the true world, alpha of its images
#ifdef POINT
flat in vec2 forward;
flat in vec2 middle_at;
#else
in vec2 local;
in vec2 at;
#endif
out vec4 colour;

uniform int shape;          // 0 drop, 1 disc, 2 ring
uniform float glow;         // 0..1
uniform float glow_reach;   // px
uniform vec3 rim;

// A disc of radius `a` at the origin joined to one of radius `b` at (-h, 0) by their outer tangents.
float drop(vec2 p, float h, float a, float b) {
    vec2 q = vec2(-p.x, abs(p.y));
    float s = (a - b) / h;
    float c = sqrt(1.0 - s * s);
    float along = dot(q, vec2(c, -s));
    if (along < 0.0) return length(q) - a;
    if (along > h * c) return length(q - vec2(h, 0.0)) - b;
    return dot(q, vec2(s, c)) - a;
}

void main() {
    float length_px = about.y;
#ifdef POINT
    vec2 turned = (gl_PointCoord - 0.5) * (length_px + 2.0 * glow_reach + 3.0) * vec2(1.0, -1.0);
    vec2 local = vec2(dot(turned, forward), dot(turned, vec2(-forward.y, forward.x)));
    vec2 at = middle_at + turned / view_scale;
#endif
    float away;
    float body = 1.0;
    float soft = 1.0;                                                      // px over which the edge fades
    float light = 0.0;
    vec2 centre = vec2(0.0);
    if (shape == 0) {
        float head = 0.23 * length_px;
        float tail = 0.035 * length_px;
        centre.x = 0.5 * length_px - head;
        away = drop(local - centre, length_px - head - tail, head, tail);
        float back = clamp((centre.x - local.x) / (length_px * 0.73), 0.0, 1.0);
        body = 1.0 - 0.72 * back * back * smoothstep(4.0, 9.0, length_px);
        light = 0.30 * smoothstep(7.0, 14.0, length_px) * smoothstep(head, 0.0, length(local - centre - vec2(0.25 * head, 0.0)));
    } else {
        away = length(local) - 0.5 * length_px;
        if (shape == 2) away = abs(away + 0.12 * length_px) - 0.09 * length_px;
        else {
            soft = max(1.0, 0.16 * length_px);                             // discs melt into the ground
            away += 0.5 * soft - 0.5;
            body = 0.82 - 0.28 * smoothstep(0.0, 0.5 * length_px, length(local)) * smoothstep(5.0, 12.0, length_px);
        }
    }
    float fill = clamp(0.5 - away / soft, 0.0, 1.0) * body;
    float border = shape == 1 ? 0.0 : clamp(1.5 - away, 0.0, 1.0) * 0.55 * smoothstep(6.0, 10.0, length_px) * body;
    float halo = 0.0;
    if (glow > 0.0) {
        float r = length(local - centre * 0.6) / (glow_reach + 0.3 * length_px);
        halo = glow * pow(max(0.0, 1.0 - r), 2.2);
    }
    float shown = mix(about.w, about.z, within(at));

    vec4 over = vec4(mix(ink, vec3(1.0), light), 1.0) * fill;             // premultiplied
    over += vec4(rim, 1.0) * border * (1.0 - fill);
    colour = over * shown + vec4(ink * halo * shown * (1.0 - over.a), 0.0);
}
