//! Kernels on single rows of activations: norms, rotary positions, activations, the peak of logits.

const std = @import("std");
const kernels = @import("kernels.zig");
const vec = @import("vec.zig");

pub fn Rows(comptime lanes: u32) type {
    return struct {
        const V = vec.Vec(lanes);

        /// Mean and variance in two passes: one pass would cancel for rows far from zero.
        pub fn layerNorm(
            x: [*]const f32,
            weight: [*]const f32,
            bias: [*]const f32,
            out: [*]f32,
            n: usize,
            eps: f32,
        ) callconv(.c) void {
            const count: f32 = @floatFromInt(n);
            const mean = sum(x, n) / count;
            const scale = 1 / @sqrt(squares(x, n, mean) / count + eps);
            var i: usize = 0;
            while (i + lanes <= n) : (i += lanes) {
                const y = (vec.load(lanes, x + i) - @as(V, @splat(mean))) * @as(V, @splat(scale));
                vec.store(lanes, out + i, vec.mulAdd(lanes, y, vec.load(lanes, weight + i), vec.load(lanes, bias + i)));
            }
            while (i < n) : (i += 1) out[i] = (x[i] - mean) * scale * weight[i] + bias[i];
        }

        pub fn rmsNorm(
            x: [*]const f32,
            weight: [*]const f32,
            out: [*]f32,
            n: usize,
            eps: f32,
        ) callconv(.c) void {
            const scale = 1 / @sqrt(squares(x, n, 0) / @as(f32, @floatFromInt(n)) + eps);
            var i: usize = 0;
            while (i + lanes <= n) : (i += lanes) {
                const y = vec.load(lanes, x + i) * @as(V, @splat(scale));
                vec.store(lanes, out + i, y * vec.load(lanes, weight + i));
            }
            while (i < n) : (i += 1) out[i] = x[i] * scale * weight[i];
        }

        fn sum(x: [*]const f32, n: usize) f32 {
            var sums: [4]V = @splat(@splat(0));
            var i: usize = 0;
            while (i + 4 * lanes <= n) : (i += 4 * lanes) {
                inline for (0..4) |c| sums[c] += vec.load(lanes, x + i + c * lanes);
            }
            while (i + lanes <= n) : (i += lanes) sums[0] += vec.load(lanes, x + i);
            var total = @reduce(.Add, (sums[0] + sums[1]) + (sums[2] + sums[3]));
            while (i < n) : (i += 1) total += x[i];
            return total;
        }

        /// Sum of (x - mean)^2.
        fn squares(x: [*]const f32, n: usize, mean: f32) f32 {
            const center: V = @splat(mean);
            var sums: [4]V = @splat(@splat(0));
            var i: usize = 0;
            while (i + 4 * lanes <= n) : (i += 4 * lanes) {
                inline for (0..4) |c| {
                    const d = vec.load(lanes, x + i + c * lanes) - center;
                    sums[c] = vec.mulAdd(lanes, d, d, sums[c]);
                }
            }
            while (i + lanes <= n) : (i += lanes) {
                const d = vec.load(lanes, x + i) - center;
                sums[0] = vec.mulAdd(lanes, d, d, sums[0]);
            }
            var total = @reduce(.Add, (sums[0] + sums[1]) + (sums[2] + sums[3]));
            while (i < n) : (i += 1) total += (x[i] - mean) * (x[i] - mean);
            return total;
        }

        pub fn rope(x: [*]f32, cos: [*]const f32, sin: [*]const f32, half: usize) callconv(.c) void {
            var i: usize = 0;
            while (i + lanes <= half) : (i += lanes) ropeAt(lanes, x, cos, sin, half, i);
            while (i < half) : (i += 1) ropeAt(1, x, cos, sin, half, i);
        }

        inline fn ropeAt(
            comptime width: u32,
            x: [*]f32,
            cos: [*]const f32,
            sin: [*]const f32,
            half: usize,
            i: usize,
        ) void {
            const a = vec.load(width, x + i);
            const b = vec.load(width, x + half + i);
            const c = vec.load(width, cos + i);
            const s = vec.load(width, sin + i);
            vec.store(width, x + i, a * c - b * s);
            vec.store(width, x + half + i, b * c + a * s);
        }

        pub fn gelu(x: [*]f32, bias: ?[*]const f32, n: usize) callconv(.c) void {
            var i: usize = 0;
            while (i + lanes <= n) : (i += lanes) geluAt(lanes, x + i, if (bias) |b| b + i else null);
            while (i < n) : (i += 1) geluAt(1, x + i, if (bias) |b| b + i else null);
        }

        /// x/2 (1 + erf(x / sqrt 2)). erf by Abramowitz and Stegun 7.1.26, |error| <= 1.5e-7:
        /// erf(z) = 1 - (a1 t + ... + a5 t^5) e^(-z^2), t = 1 / (1 + p z), z >= 0.
        inline fn geluAt(comptime width: u32, to: [*]f32, bias: ?[*]const f32) void {
            const W = vec.Vec(width);
            var x = vec.load(width, to);
            if (bias) |b| x += vec.load(width, b);
            const z = @abs(x) * @as(W, @splat(std.math.sqrt1_2));
            const t = @as(W, @splat(1)) / vec.mulAdd(width, z, @splat(0.3275911), @splat(1));
            var series: W = @splat(1.061405429);
            inline for (.{ -1.453152027, 1.421413741, -0.284496736, 0.254829592 }) |coefficient| {
                series = vec.mulAdd(width, series, t, @splat(coefficient));
            }
            const tail = series * t * vec.exp(width, -z * z); // erfc(z)
            const half = x * @as(W, @splat(0.5));
            const upper = half * (@as(W, @splat(2)) - tail);
            vec.store(width, to, @select(f32, x < @as(W, @splat(0)), half * tail, upper));
        }

        pub fn swiglu(gate: [*]f32, up: [*]const f32, n: usize) callconv(.c) void {
            var i: usize = 0;
            while (i + lanes <= n) : (i += lanes) swigluAt(lanes, gate + i, up + i);
            while (i < n) : (i += 1) swigluAt(1, gate + i, up + i);
        }

        inline fn swigluAt(comptime width: u32, gate: [*]f32, up: [*]const f32) void {
            const g = vec.load(width, gate);
            const one: vec.Vec(width) = @splat(1);
            vec.store(width, gate, g / (one + vec.exp(width, -g)) * vec.load(width, up));
        }

        pub fn narrow(x: [*]const f32, out: [*]f16, count: usize) callconv(.c) void {
            const most: f32 = std.math.floatMax(f16);
            var i: usize = 0;
            while (i + lanes <= count) : (i += lanes) {
                const limit: V = @splat(most);
                const half: @Vector(lanes, f16) = @floatCast(@max(@min(vec.load(lanes, x + i), limit), -limit));
                out[i..][0..lanes].* = half;
            }
            while (i < count) : (i += 1) out[i] = @floatCast(@max(@min(x[i], most), -most));
        }

        pub fn add(x: [*]f32, y: [*]const f32, n: usize) callconv(.c) void {
            var i: usize = 0;
            while (i + lanes <= n) : (i += lanes) {
                vec.store(lanes, x + i, vec.load(lanes, x + i) + vec.load(lanes, y + i));
            }
            while (i < n) : (i += 1) x[i] += y[i];
        }

        /// NaN compares as no greater, so a row of NaN gives index 0 and NaN as its sum.
        pub fn peak(x: [*]const f32, n: usize, out: *kernels.Peak) callconv(.c) void {
            var best: V = @splat(-std.math.inf(f32));
            var i: usize = 0;
            while (i + lanes <= n) : (i += lanes) best = @max(best, vec.load(lanes, x + i));
            var value = @reduce(.Max, best);
            while (i < n) : (i += 1) value = @max(value, x[i]);
            const index = std.mem.findScalar(f32, x[0..n], value) orelse 0;
            var sums: V = @splat(0);
            i = 0;
            while (i + lanes <= n) : (i += lanes) {
                sums += vec.exp(lanes, vec.load(lanes, x + i) - @as(V, @splat(value)));
            }
            var exp_sum = @reduce(.Add, sums);
            while (i < n) : (i += 1) exp_sum += vec.exp(1, @as(vec.Vec(1), @splat(x[i] - value)))[0];
            out.* = .{ .value = value, .index = @intCast(index), .exp_sum = exp_sum };
        }
    };
}
