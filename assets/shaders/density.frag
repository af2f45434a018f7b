// The density map: the mean colour of a cell, as strong as many are in it. Four smooth reads make a tent of 3 x 3 cells.
in vec2 unit;
out vec4 colour;

uniform sampler2D cells;    // sums of colour and of weight
uniform float even;         // weight of a cell if all were spread evenly
uniform float dark;         // 1 on a dark ground, where the crowded glow, 0 on a light one

void main() {
    vec2 half_cell = 0.5 / vec2(textureSize(cells, 0));
    vec4 sum = texture(cells, unit + half_cell) + texture(cells, unit - half_cell)
             + texture(cells, unit + vec2(half_cell.x, -half_cell.y)) + texture(cells, unit + vec2(-half_cell.x, half_cell.y));
    float crowd = 0.25 * sum.a / even;
    float shown = crowd / (crowd + 1.1);                       // half at about the mean, never quite full
    vec3 mean = sum.rgb / max(sum.a, 1e-6);
    mean = mix(mean, vec3(1.0), dark * 0.35 * smoothstep(2.0, 12.0, crowd));
    colour = vec4(mean * shown, shown);
}
