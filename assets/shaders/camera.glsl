// Shared by everything that is placed in the world. World: metres, y up. Pixels: y down, (0, 0) at the top left.
uniform vec2 view_size;     // px
uniform vec2 view_centre;   // m
uniform float view_scale;   // px per m
uniform vec2 world_size;    // m

// Clip coordinates of a pixel.
vec4 clip(vec2 pixel) {
    vec2 unit = pixel / view_size * 2.0 - 1.0;
    return vec4(unit.x, -unit.y, 0.0, 1.0);
}

// Pixel of a place.
vec2 pixel_of(vec2 place) {
    vec2 away = (place - view_centre) * view_scale;
    return view_size * 0.5 + vec2(away.x, -away.y);
}

// Place of a pixel.
vec2 place_of(vec2 pixel) {
    vec2 away = pixel - view_size * 0.5;
    return view_centre + vec2(away.x, -away.y) / view_scale;
}

uniform vec2 origin;        // m: see Camera.images
uniform vec2 image;         // m

// Where a place appears: within one world of the origin, then in this image.
vec2 shown_at(vec2 place) {
    return origin + mod(place - origin, world_size) + image;
}

// 1 inside the world, 0 in its images.
float within(vec2 place) {
    vec2 low = step(vec2(0.0), place);
    vec2 high = step(place, world_size);
    return low.x * low.y * high.x * high.y;
}
