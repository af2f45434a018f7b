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
uniform vec3 detail;        // 0..1 as the shape grows: fading of the body, light on the head, rim

// A disc of radius 0.23 at the origin joined to one of 0.035 at (-0.735, 0), lengths of the whole, by outer tangents.
const vec2 TANGENT = vec2(0.265306, 0.964164);   // (0.23 - 0.035) / 0.735 and its cosine
float drop(vec2 p, float unit) {
    vec2 q = vec2(-p.x, abs(p.y));
    float along = q.x * TANGENT.y - q.y * TANGENT.x;
    float h = 0.735 * unit;
    float head = length(q) - 0.23 * unit;
    float tail = length(q - vec2(h, 0.0)) - 0.035 * unit;
    float side = dot(q, TANGENT) - 0.23 * unit;
    return along < 0.0 ? head : along > h * TANGENT.y ? tail : side;
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
        centre.x = 0.5 * length_px - head;
        away = drop(local - centre, length_px);
        float back = clamp((centre.x - local.x) / (length_px * 0.73), 0.0, 1.0);
        body = 1.0 - 0.72 * back * back * detail.x;
        light = 0.30 * detail.y * smoothstep(head, 0.0, length(local - centre - vec2(0.25 * head, 0.0)));
    } else {
        away = length(local) - 0.5 * length_px;
        if (shape == 2) away = abs(away + 0.12 * length_px) - 0.09 * length_px;
        else {
            soft = max(1.0, 0.16 * length_px);                             // discs melt into the ground
            away += 0.5 * soft - 0.5;
            body = 0.82 - 0.28 * smoothstep(0.0, 0.5 * length_px, length(local)) * detail.x;
        }
    }
    float fill = clamp(0.5 - away / soft, 0.0, 1.0) * body;
    float border = shape == 1 ? 0.0 : clamp(1.5 - away, 0.0, 1.0) * 0.55 * detail.z * body;
    float halo = 0.0;
    if (glow > 0.0) {
        float left = max(0.0, 1.0 - length(local - centre * 0.6) / (glow_reach + 0.3 * length_px));
        halo = glow * left * left;
    }
    float shown = mix(about.w, about.z, within(at));

    vec4 over = vec4(mix(ink, vec3(1.0), light), 1.0) * fill;             // premultiplied
    over += vec4(rim, 1.0) * border * (1.0 - fill);
    colour = over * shown + vec4(ink * halo * shown * (1.0 - over.a), 0.0);
}
