flat in vec4 ink;
out vec4 colour;

uniform float dot_px;

void main() {
    float away = length(gl_PointCoord - 0.5) * dot_px;
    colour = ink * clamp(dot_px * 0.5 - away + 0.25, 0.0, 1.0);
}
