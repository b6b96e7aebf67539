//! Attention of a few query rows over a paged KV cache, with the softmax computed on the way:
//! per page of 64 keys the scores, their running maximum, and the weighted values.
//!
//! Pages are absolute, so a row's result does not depend on the rows beside it: prefill, decoding
//! and batches agree to the bit. Pages of 16 bits are widened once for all rows of a job, keys and
//! values one after the other in a buffer that the first-level cache almost holds.

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
            const d = job.head_dim;
            const running: [*]Running = @ptrCast(job.scratch + job.rows * page_keys);
            @memset(job.out[0 .. job.rows * d], 0);
            @memset(running[0..job.rows], .{ .greatest = -std.math.inf(f32), .sum = 0 });
            const keys_end = visible(job, job.rows - 1);
            var first: usize = 0;
            while (first < keys_end) : (first += page_keys) {
                const keys = floats(job, first, job.key_offset, page_keys);
                overStrips(job, first, keys, score);
                for (0..job.rows) |row| soften(job, first, row, &running[row]);
                const values = floats(job, first, job.value_offset, @min(page_keys, keys_end - first));
                overStrips(job, first, values, weigh);
            }
            for (0..job.rows) |row| scale(job.out + row * d, d, 1 / running[row].sum);
        }

        /// `count` rows or columns of keys or values of the page that begins with key `first`.
        fn floats(job: *const kernels.Attention, first: usize, offset: usize, count: usize) [*]const f32 {
            const page = job.pages[first / page_keys] + offset * job.kv.size();
            if (job.kv == .f32) return @ptrCast(@alignCast(page));
            const wide = kernels.attentionScratch(job.rows, 0);
            Matrix.widen(.f16, page, job.scratch + wide, count * job.head_dim);
            return job.scratch + wide;
        }

        /// Calls `work` for a few rows at a time, those that see the page.
        inline fn overStrips(
            job: *const kernels.Attention,
            first: usize,
            page: [*]const f32,
            comptime work: fn (comptime u32, *const kernels.Attention, usize, usize, [*]const f32) void,
        ) void {
            var row: usize = 0;
            while (row + rows_max <= job.rows) : (row += rows_max) {
                const keys = keysOf(job, first, row + rows_max - 1);
                if (keys > 0) work(rows_max, job, row, keys, page);
            }
            const rest = job.rows - row;
            inline for (1..rows_max) |rows| {
                if (rest == rows) {
                    const keys = keysOf(job, first, row + rows - 1);
                    if (keys > 0) work(rows, job, row, keys, page);
                }
            }
        }

        /// Keys of the page from `first` on that a row sees.
        fn keysOf(job: *const kernels.Attention, first: usize, row: usize) usize {
            return @min(page_keys, visible(job, row) -| first);
        }

        /// Keys that a row may look at.
        fn visible(job: *const kernels.Attention, row: usize) usize {
            return job.keys_first + if (job.causal) row / job.rows_per_position else 0;
        }

        /// Scores of a few rows, for the page's keys (rounded up to whole tiles).
        fn score(
            comptime rows: u32,
            job: *const kernels.Attention,
            row: usize,
            keys: usize,
            page: [*]const f32,
        ) void {
            const d = job.head_dim;
            const queries = job.queries + row * d;
            const lines = job.scratch + row * page_keys;
            var key: usize = 0;
            while (key < keys) : (key += score_vectors * lanes) {
                var sums: [rows][score_vectors]V = @splat(@splat(@splat(0)));
                Matrix.tile(rows, score_vectors, queries, d, page + key, page_keys, d, &sums);
                inline for (0..rows) |r| inline for (0..score_vectors) |v| {
                    vec.store(lanes, lines + r * page_keys + key + v * lanes, sums[r][v]);
                };
            }
        }

        /// Turns one row of scores into weights relative to the greatest score so far, and brings
        /// the row's sum and output to that scale. Keys that it does not see get weight 0.
        fn soften(job: *const kernels.Attention, first: usize, row: usize, running: *Running) void {
            const line = job.scratch + row * page_keys;
            const seen = keysOf(job, first, row);
            if (seen == 0) return @memset(line[0..page_keys], 0);
            @memset(line[seen..page_keys], -std.math.inf(f32)); // exp gives 0
            var best: V = @splat(running.greatest);
            var i: usize = 0;
            while (i < page_keys) : (i += lanes) best = @max(best, vec.load(lanes, line + i));
            const greatest = @reduce(.Max, best);
            if (greatest > running.greatest) {
                const factor = vec.exp(1, .{running.greatest - greatest})[0];
                running.* = .{ .greatest = greatest, .sum = running.sum * factor };
                scale(job.out + row * job.head_dim, job.head_dim, factor);
            }
            var sum: V = @splat(0);
            i = 0;
            while (i < page_keys) : (i += lanes) {
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
            job: *const kernels.Attention,
            row: usize,
            keys: usize,
            values: [*]const f32,
        ) void {
            const d = job.head_dim;
            const weights = job.scratch + row * page_keys;
            const out = job.out + row * d;
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
