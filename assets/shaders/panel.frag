in vec2 local;
in vec2 texel;
flat in vec2 half_box;
flat in vec4 tone;
flat in vec4 more;
flat in vec3 what;
out vec4 colour;

uniform sampler2D letters;    // distance field: 1 on a stroke, 0 at `letter_reach` font units from it
uniform float letter_reach;
uniform sampler2D palettes;   // one palette a row

float segment(vec2 p, vec2 a, vec2 b) {
    vec2 along = b - a;
    float t = clamp(dot(p - a, along) / max(dot(along, along), 1e-6), 0.0, 1.0);
    return length(p - a - along * t);
}

float rounded(vec2 p, vec2 size, float radius) {
    vec2 q = abs(p) - size + radius;
    return length(max(q, 0.0)) + min(max(q.x, q.y), 0.0) - radius;
}

void main() {
    vec3 ink = tone.rgb;
    float cover;
    if (what.x < 0.5) {
        cover = clamp(0.5 - rounded(local, half_box, what.y), 0.0, 1.0);
    } else if (what.x < 1.5) {
        vec2 size = vec2(textureSize(letters, 0));
        float away = (1.0 - texture(letters, texel / size).r) * letter_reach * what.z;
        cover = clamp(what.y * 0.5 + 0.5 - away, 0.0, 1.0);
    } else if (what.x < 2.5) {
        cover = clamp(what.y * 0.5 + 0.5 - segment(local + half_box, more.xy, more.zw), 0.0, 1.0);
    } else if (what.x > 3.5) {
        cover = clamp(more.y * 0.5 + 0.5 - abs(rounded(local, half_box - more.x, what.y)), 0.0, 1.0);
    } else {
        float u = clamp(local.x / half_box.x * 0.5 + 0.5, 0.0, 1.0);
        ink = texelFetch(palettes, ivec2(int(u * 255.0 + 0.5), int(more.x + 0.5)), 0).rgb;
        cover = clamp(0.5 - rounded(local, half_box, what.y), 0.0, 1.0);
    }
    float alpha = cover * tone.a;
    colour = vec4(ink * alpha, alpha);
}
