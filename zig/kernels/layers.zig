//! Kernels between the products of the speaker networks: what normalisations, pooling and the gates of an LSTM do to
//! rows of activations, one column beside the other. No sum is over columns: a column's result does not depend on how
//! many stand beside it.

const kernels = @import("kernels.zig");
const vec = @import("vec.zig");

pub fn Layers(comptime lanes: u32) type {
    return struct {
        pub fn affine(job: *const kernels.Affine) callconv(.c) void {
            var i: usize = 0;
            while (i + lanes <= job.columns) : (i += lanes) affineAt(lanes, job, i);
            while (i < job.columns) : (i += 1) affineAt(1, job, i);
        }

        inline fn affineAt(comptime width: u32, job: *const kernels.Affine, i: usize) void {
            const W = vec.Vec(width);
            const scale: W = if (job.scale) |scales| vec.load(width, scales + i) else @splat(1);
            const shift: W = if (job.shift) |shifts| vec.load(width, shifts + i) else @splat(0);
            const slope: W = @splat(job.slope);
            for (0..job.rows) |row| {
                const y = vec.mulAdd(width, vec.load(width, job.x + row * job.x_stride + i), scale, shift);
                const to = job.out + row * job.out_stride + i;
                vec.store(width, to, @select(f32, y < @as(W, @splat(0)), y * slope, y));
            }
        }

        pub fn pool(job: *const kernels.Pool) callconv(.c) void {
            var i: usize = 0;
            while (i + lanes <= job.columns) : (i += lanes) poolAt(lanes, job, i);
            while (i < job.columns) : (i += 1) poolAt(1, job, i);
        }

        inline fn poolAt(comptime width: u32, job: *const kernels.Pool, i: usize) void {
            for (0..job.rows) |row| {
                const from = job.x + row * kernels.pooled_rows * job.x_stride + i;
                var most = vec.load(width, from);
                inline for (1..kernels.pooled_rows) |r| {
                    most = @max(most, vec.load(width, from + r * job.x_stride));
                }
                vec.store(width, job.out + row * job.out_stride + i, most);
            }
        }

        pub fn moments(job: *const kernels.Moments) callconv(.c) void {
            var i: usize = 0;
            while (i + lanes <= job.columns) : (i += lanes) momentsAt(lanes, job, i);
            while (i < job.columns) : (i += 1) momentsAt(1, job, i);
        }

        inline fn momentsAt(comptime width: u32, job: *const kernels.Moments, i: usize) void {
            const W = vec.Vec(width);
            const centre: W = if (job.centre) |centres| vec.load(width, centres + i) else @splat(0);
            var sum: W = @splat(0);
            var squares: W = @splat(0);
            for (0..job.rows) |row| {
                const d = vec.load(width, job.x + row * job.x_stride + i) - centre;
                sum += d;
                squares = vec.mulAdd(width, d, d, squares);
            }
            vec.store(width, job.sums + i, sum);
            vec.store(width, job.squares + i, squares);
        }

        pub fn lstm(
            gates: [*]const f32,
            bias: [*]const f32,
            cell: [*]f32,
            hidden: [*]f32,
            n: usize,
        ) callconv(.c) void {
            var i: usize = 0;
            while (i + lanes <= n) : (i += lanes) lstmAt(lanes, gates, bias, cell, hidden, n, i);
            while (i < n) : (i += 1) lstmAt(1, gates, bias, cell, hidden, n, i);
        }

        inline fn lstmAt(
            comptime width: u32,
            gates: [*]const f32,
            bias: [*]const f32,
            cell: [*]f32,
            hidden: [*]f32,
            n: usize,
            i: usize,
        ) void {
            const half: vec.Vec(width) = @splat(0.5);
            var gate: [4]Ratio(width) = undefined;
            inline for (&gate, 0..) |*one, g| {
                const x = vec.load(width, gates + g * n + i) + vec.load(width, bias + g * n + i);
                one.* = tanh(width, if (g == 2) x else x * half);
            }
            // sigmoid(x) = (1 + tanh(x / 2)) / 2; ratios are added and multiplied first, then divided once.
            const input, const forget, const new, const output = gate;
            const both = input.below * new.below;
            const old = (forget.below + forget.above) * vec.load(width, cell + i);
            const more = (input.below + input.above) * new.above;
            const next = vec.mulAdd(width, old, both, more * forget.below) * half / (both * forget.below);
            vec.store(width, cell + i, next);
            const shown = tanh(width, next);
            const state = (output.below + output.above) * shown.above * half / (output.below * shown.below);
            vec.store(width, hidden + i, state);
        }

        fn Ratio(comptime width: u32) type {
            return struct { above: vec.Vec(width), below: vec.Vec(width) };
        }

        /// tanh as a ratio, off by less than 5e-7: x P(x^2) / Q(x^2) with the least greatest error up to 8, beyond
        /// which tanh is 1. Neither side is greater than 200.
        inline fn tanh(comptime width: u32, x: vec.Vec(width)) Ratio(width) {
            const V = vec.Vec(width);
            const limit: V = @splat(8);
            const inside = @max(@min(x, limit), -limit);
            const square = inside * inside;
            var above: V = @splat(tanh_above[3]);
            inline for (0..3) |k| above = vec.mulAdd(width, above, square, @splat(tanh_above[2 - k]));
            var below: V = @splat(tanh_below[4]);
            inline for (0..4) |k| below = vec.mulAdd(width, below, square, @splat(tanh_below[3 - k]));
            return .{ .above = inside * above, .below = below };
        }
    };
}

/// By rising powers.
const tanh_above = [4]f32{ 0.999999362, 0.129136411, 0.00293882757, 0.0000113102224 };
const tanh_below = [5]f32{ 1, 0.462467399, 0.0237638265, 0.000237028452, 2.42384088e-7 };
