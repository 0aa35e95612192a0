// SPDX-License-Identifier: MIT
/* The gate's pointer: places in the guest's layout, motion, wheel. */
#include <math.h>

#include "input/gate_internal.h"

#define V120 120
/* More than that in one event is nonsense; keeps the sums in range. */
#define MOTION_MAX 100000.0
#define WHEEL_MAX (1000 * V120)

/* The layout's lower right corner. */
static void layout_extent(const struct gate *gate, uint64_t *width, uint64_t *height)
{
    *width = *height = 0;
    for (unsigned i = 0; i < GATE_MAX_SCANOUTS; i++) {
        const struct gate_scanout *s = &gate->layout[i];
        if (s->width == 0 || s->height == 0)
            continue;
        *width = MAX(*width, (uint64_t)s->x + s->width);
        *height = MAX(*height, (uint64_t)s->y + s->height);
    }
}

/* The axis value for a place within one scanout's side. Guests map the axis by value × extent /
 * (GATE_ABS_MAX + 1), so the middle of a pixel here stays inside that pixel there. */
static int32_t axis(double fraction, uint32_t start, uint64_t size, uint64_t extent)
{
    /* Written so that a NaN becomes 0. */
    double in = fraction > 0 ? fraction : 0;
    in = in < 1 ? in : 1;
    double value = (start + in * (double)size) / (double)extent * (GATE_ABS_MAX + 1.0);
    return value < GATE_ABS_MAX ? (int32_t)value : GATE_ABS_MAX;
}

static bool is_used(const struct gate_scanout *scanout)
{
    return scanout->width > 0 && scanout->height > 0;
}

bool gate_place(const struct gate *gate, unsigned scanout, double x, double y,
                struct gate_place *place)
{
    uint64_t width, height;
    layout_extent(gate, &width, &height);
    if (scanout == INPUT_WHOLE_LAYOUT) {
        *place = (struct gate_place){ axis(x, 0, width, width), axis(y, 0, height, height) };
        return true;
    }
    if (scanout >= GATE_MAX_SCANOUTS || !is_used(&gate->layout[scanout]))
        return false;
    const struct gate_scanout *s = &gate->layout[scanout];
    *place =
        (struct gate_place){ axis(x, s->x, s->width, width), axis(y, s->y, s->height, height) };
    return true;
}

/* How far a place is from the range that begins at start. */
static double beyond(double place, double start, double size)
{
    return place < start ? start - place : place > start + size ? place - start - size : 0;
}

/* The scanout in which, or nearest to which, a place of the layout lies, and the place as one of it. */
static unsigned find_scanout(const struct gate *gate, double *x, double *y)
{
    uint64_t width, height;
    unsigned nearest = 0;
    double least = INFINITY;
    layout_extent(gate, &width, &height);
    *x *= (double)width;
    *y *= (double)height;
    for (unsigned i = 0; i < GATE_MAX_SCANOUTS; i++) {
        const struct gate_scanout *s = &gate->layout[i];
        double far = beyond(*x, s->x, s->width) + beyond(*y, s->y, s->height);
        if (!is_used(s) || far >= least)
            continue;
        least = far;
        nearest = i;
    }
    const struct gate_scanout *s = &gate->layout[nearest];
    *x = (*x - s->x) / s->width;
    *y = (*y - s->y) / s->height;
    return nearest;
}

/* Of that scanout's own pointer. */
static bool place_in_scanout(const struct gate *gate, unsigned *scanout, double x, double y,
                             struct gate_place *place)
{
    if (*scanout == INPUT_WHOLE_LAYOUT)
        *scanout = find_scanout(gate, &x, &y);
    if (*scanout >= GATE_MAX_SCANOUTS || !is_used(&gate->layout[*scanout]))
        return false;
    *place = (struct gate_place){ axis(x, 0, 1, 1), axis(y, 0, 1, 1) };
    return true;
}

static void moved_by(struct gate_source *source)
{
    struct gate *gate = source->gate;
    bool apart = source != &gate->windows;
    if (apart == gate->apart)
        return;
    gate->apart = apart;
    if (gate->ops->apart)
        gate->ops->apart(gate->target, apart);
}

/* Guests drop axes that stand where they stood, and a pointer that comes back to where it left a scanout
 * would stay on the other one. So it comes from beside that. */
static void come_back(struct gate *gate, enum gate_device pointer, struct gate_place *told)
{
    told->x ^= 1;
    gate_send(gate, pointer, EV_ABS, ABS_X, told->x);
    gate_report(gate, pointer);
}

void gate_sink_abs(struct input_sink *sink, unsigned scanout, double x, double y)
{
    struct gate_source *source = gate_source_of(sink);
    struct gate *gate = source->gate;
    struct gate_place to, *told = gate->told;
    enum gate_device pointer = GATE_POINTER;
    if (source == &gate->windows)
        gate->inside = true;
    if (!gate_admits(source, GATE_POINTING) ||
        !(gate->each ? place_in_scanout(gate, &scanout, x, y, &to)
                     : gate_place(gate, scanout, x, y, &to)))
        return;
    if (gate->each) {
        told = &gate->told[scanout];
        pointer = GATE_SCANOUT_POINTER + scanout;
    }
    moved_by(source);
    source->relative = false;
    if (pointer != gate->pointer && to.x == told->x && to.y == told->y)
        come_back(gate, pointer, told);
    gate->pointer = pointer;
    if (to.x != told->x)
        gate_send(gate, pointer, EV_ABS, ABS_X, to.x);
    if (to.y != told->y)
        gate_send(gate, pointer, EV_ABS, ABS_Y, to.y);
    *told = to;
}

/* One direction of a motion: whole units as they fill up. */
static void move(struct gate *gate, unsigned direction, double by, uint16_t code)
{
    double *rest = &gate->rel_rest[direction];
    if (!(by >= -MOTION_MAX && by <= MOTION_MAX)) /* a NaN too */
        return;
    *rest += by;
    int32_t whole = (int32_t)*rest;
    *rest -= whole;
    if (whole != 0)
        gate_send(gate, GATE_MOUSE, EV_REL, code, whole);
}

void gate_sink_rel(struct input_sink *sink, double dx, double dy, double raw_dx, double raw_dy)
{
    struct gate_source *source = gate_source_of(sink);
    if (!gate_admits(source, GATE_POINTING))
        return;
    moved_by(source);
    source->relative = true;
    move(source->gate, 0, source->accelerated ? dx : raw_dx, REL_X);
    move(source->gate, 1, source->accelerated ? dy : raw_dy, REL_Y);
}

/* One direction of the wheel: each event in high resolution, and whole detents as they fill up. */
static void turn(struct gate_source *source, unsigned direction, int32_t v120, uint16_t hi_res,
                 uint16_t lo)
{
    struct gate *gate = source->gate;
    enum gate_device device = source->relative ? GATE_MOUSE : gate->pointer;
    int32_t *rest = &gate->wheel_rest[direction];
    if (v120 == 0)
        return;
    /* What was left of the other way round must not eat into this one. */
    if ((v120 > 0) != (*rest > 0))
        *rest = 0;
    *rest += v120;
    gate_send(gate, device, EV_REL, hi_res, v120);
    if (*rest / V120 != 0)
        gate_send(gate, device, EV_REL, lo, *rest / V120);
    *rest %= V120;
}

void gate_sink_wheel(struct input_sink *sink, int32_t horizontal_v120, int32_t vertical_v120)
{
    struct gate_source *source = gate_source_of(sink);
    if (!gate_admits(source, GATE_POINTING))
        return;
    turn(source, 0, MAX(-WHEEL_MAX, MIN(WHEEL_MAX, horizontal_v120)), REL_HWHEEL_HI_RES,
         REL_HWHEEL);
    /* evdev counts the other way: up is positive. */
    turn(source, 1, -MAX(-WHEEL_MAX, MIN(WHEEL_MAX, vertical_v120)), REL_WHEEL_HI_RES, REL_WHEEL);
}

void gate_set_layout(struct gate *gate, const struct gate_scanout *layout, unsigned n)
{
    bool any = false;
    for (unsigned i = 0; i < n && i < GATE_MAX_SCANOUTS; i++)
        any |= layout[i].width > 0 && layout[i].height > 0;
    if (!any)
        return;
    for (unsigned i = 0; i < GATE_MAX_SCANOUTS; i++)
        gate->layout[i] = i < n ? layout[i] : (struct gate_scanout){ 0 };
}
