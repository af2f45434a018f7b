// A field over the whole world, and its images beyond the edge.
in vec2 pixel;
out vec4 colour;

uniform sampler2D field;
uniform sampler2D palette;
uniform vec2 limits;      // values at both ends of the palette
uniform float alpha;
uniform float fade;       // 1: nothing at the lower limit, all at the upper one
uniform float ghost;      // what is left beyond the world's edge

void main() {
    vec2 place = place_of(pixel);
    float value = texture(field, place / world_size).r;
    float u = clamp((value - limits.x) / (limits.y - limits.x), 0.0, 1.0);
    float shown = alpha * mix(1.0, u, fade) * mix(ghost, 1.0, within(place));
    colour = vec4(texture(palette, vec2((u * 255.0 + 0.5) / 256.0, 0.5)).rgb * shown, shown);
}
