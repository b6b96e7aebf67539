//! Attention of a few query rows over a paged KV cache, with the softmax computed on the way:
//! per page of 64 keys the scores, their running maximum, and the weighted values.
//!
//! Pages are absolute, so a row's result does not depend on the rows beside it: prefill, decoding
//! and batches agree to the bit.

const std = @import("std");
const kernels = @import("kernels.zig");
const vec = @import("vec.zig");
const page_keys = kernels.page_keys;

pub fn Attention(comptime lanes: u32) type {
    const Matrix = @import("matrix.zig").Matrix(lanes);
    return struct {
        const V = vec.Vec(lanes);
        const rows_max = kernels.attention_rows;
        /// Vectors of scores side by side: six rows of them fit the registers.
        const score_vectors = if (lanes == 16) 4 else if (lanes == 1) 8 else 2;

        /// Running state of one row's softmax.
        const Running = struct { greatest: f32, sum: f32 };

        pub fn run(job: *const kernels.Attention) callconv(.c) void {
            var row: u32 = 0;
            while (row + rows_max <= job.rows) : (row += rows_max) strip(rows_max, job, row);
            const rest = job.rows - row;
            inline for (1..rows_max) |rows| {
                if (rest == rows) strip(rows, job, row);
            }
        }

        /// Keys that a row may look at.
        fn visible(job: *const kernels.Attention, row: usize) usize {
            return job.keys_first + if (job.causal) row / job.rows_per_position else 0;
        }

        fn strip(comptime rows: u32, job: *const kernels.Attention, row: u32) void {
            const d = job.head_dim;
            const out = job.out + row * d;
            @memset(out[0 .. rows * d], 0);
            var running: [rows]Running = @splat(.{ .greatest = -std.math.inf(f32), .sum = 0 });
            const keys_end = visible(job, row + rows - 1);
            var first: usize = 0;
            while (first < keys_end) : (first += page_keys) {
                const page = job.pages[first / page_keys];
                const keys = @min(page_keys, keys_end - first);
                scores(rows, job, row, page + job.key_offset, keys);
                inline for (0..rows) |r| {
                    const limit = visible(job, row + r);
                    const seen = if (limit > first) @min(keys, limit - first) else 0;
                    const line = job.scratch + r * page_keys;
                    @memset(line[seen..keys], -std.math.inf(f32)); // exp gives 0
                    soften(line, seen, keys, &running[r], out + r * d, d);
                }
                weigh(rows, job.scratch, keys, page + job.value_offset, out, d);
            }
            inline for (0..rows) |r| scale(out + r * d, d, 1 / running[r].sum);
        }

        /// scratch[r][key] = query r . key, for the page's keys (rounded up to whole tiles).
        fn scores(
            comptime rows: u32,
            job: *const kernels.Attention,
            row: u32,
            page: [*]const f32,
            keys: usize,
        ) void {
            const d = job.head_dim;
            const queries = job.queries + row * d;
            var key: usize = 0;
            while (key < keys) : (key += score_vectors * lanes) {
                var sums: [rows][score_vectors]V = @splat(@splat(@splat(0)));
                Matrix.tile(rows, score_vectors, queries, d, page + key, page_keys, d, &sums);
                inline for (0..rows) |r| inline for (0..score_vectors) |v| {
                    vec.store(lanes, job.scratch + r * page_keys + key + v * lanes, sums[r][v]);
                };
            }
        }

        /// Turns one row of scores into weights relative to the greatest score so far, and brings
        /// the row's sum and output to that scale. keys is at most page_keys, a multiple of nothing.
        fn soften(line: [*]f32, seen: usize, keys: usize, running: *Running, out: [*]f32, d: usize) void {
            if (seen == 0) {
                @memset(line[0..keys], 0);
                return;
            }
            const padded = std.mem.alignForward(usize, keys, lanes); // <= page_keys
            @memset(line[keys..padded], -std.math.inf(f32));
            var best: V = @splat(running.greatest);
            var i: usize = 0;
            while (i < padded) : (i += lanes) best = @max(best, vec.load(lanes, line + i));
            const greatest = @reduce(.Max, best);
            if (greatest > running.greatest) {
                const factor = vec.exp(1, .{running.greatest - greatest})[0];
                running.* = .{ .greatest = greatest, .sum = running.sum * factor };
                scale(out, d, factor);
            }
            var sum: V = @splat(0);
            i = 0;
            while (i < padded) : (i += lanes) {
                const weight = vec.exp(lanes, vec.load(lanes, line + i) - @as(V, @splat(greatest)));
                vec.store(lanes, line + i, weight);
                sum += weight;
            }
            running.sum += @reduce(.Add, sum);
        }

        fn scale(out: [*]f32, d: usize, factor: f32) void {
            var i: usize = 0;
            while (i < d) : (i += lanes) {
                vec.store(lanes, out + i, vec.load(lanes, out + i) * @as(V, @splat(factor)));
            }
        }

        /// out[r] += sum over keys of weights[r][key] * values[key]. head_dim is a multiple of 16.
        fn weigh(
            comptime rows: u32,
            weights: [*]const f32,
            keys: usize,
            values: [*]const f32,
            out: [*]f32,
            d: usize,
        ) void {
            const wide = score_vectors * lanes;
            var column: usize = 0;
            while (column + wide <= d) : (column += wide) {
                weighColumns(rows, score_vectors, weights, keys, values, out, d, column);
            }
            while (column < d) : (column += lanes) {
                weighColumns(rows, 1, weights, keys, values, out, d, column);
            }
        }

        inline fn weighColumns(
            comptime rows: u32,
            comptime vectors: u32,
            weights: [*]const f32,
            keys: usize,
            values: [*]const f32,
            out: [*]f32,
            d: usize,
            column: usize,
        ) void {
            var sums: [rows][vectors]V = undefined;
            inline for (0..rows) |r| inline for (0..vectors) |v| {
                sums[r][v] = vec.load(lanes, out + r * d + column + v * lanes);
            };
            Matrix.tile(rows, vectors, weights, page_keys, values + column, d, keys, &sums);
            inline for (0..rows) |r| inline for (0..vectors) |v| {
                vec.store(lanes, out + r * d + column + v * lanes, sums[r][v]);
            };
        }
    };
}
