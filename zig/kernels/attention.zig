//! Attention of a few query rows over a paged KV cache, with the softmax computed on the way:
//! per page of 64 keys the scores, their running maximum, and the weighted values.
//!
//! Pages are absolute, so a row's result does not depend on the rows beside it: prefill, decoding
//! and batches agree to the bit. Many rows read pages of 16 bits from a widened copy, made once for
//! all of them, keys and values one after the other in a buffer that the first-level cache almost
//! holds. A few rows (a step of decoding) widen what they read, and ask for what comes next:
//!
//!     page p:  keys | values   page p + 1:  keys | values
//!              read -> asked for
//!                     read  -> asked for

const std = @import("std");
const kernels = @import("kernels.zig");
const vec = @import("vec.zig");
const Dtype = kernels.Dtype;
const page_keys = kernels.page_keys;

pub fn Attention(comptime lanes: u32) type {
    const Matrix = @import("matrix.zig").Matrix(lanes);
    return struct {
        const V = vec.Vec(lanes);
        const rows_max = kernels.attention_rows;
        /// Vectors of sums side by side: as many as fit the registers, and for a few rows enough to hide
        /// the latency of the multiply-add.
        fn vectorsOf(comptime rows: u32) u32 {
            return if (lanes == 1) 8 else if (lanes == 16 or rows <= 2) 4 else 2;
        }

        /// Running state of one row's softmax.
        const Running = struct { greatest: f32, sum: f32 };

        pub fn run(job: *const kernels.Attention) callconv(.c) void {
            const d = job.head_dim;
            const running: [*]Running = @ptrCast(job.scratch + job.rows * page_keys);
            @memset(job.out[0 .. job.rows * d], 0);
            @memset(running[0..job.rows], .{ .greatest = -std.math.inf(f32), .sum = 0 });
            if (job.kv == .f32) {
                overPages(.f32, .f32, job, running);
            } else if (job.rows > rows_max) {
                overPages(.f16, .f32, job, running);
            } else {
                overPages(.f16, .f16, job, running);
            }
            for (0..job.rows) |row| scale(job.out + row * d, d, 1 / running[row].sum);
        }

        /// Page after page; they hold `stored` and are read as `read`.
        fn overPages(
            comptime stored: Dtype,
            comptime read: Dtype,
            job: *const kernels.Attention,
            running: [*]Running,
        ) void {
            const keys_end = visible(job, job.rows - 1);
            var first: usize = 0;
            while (first < keys_end) : (first += page_keys) {
                const page = job.pages[first / page_keys];
                const next = if (first + page_keys < keys_end) job.pages[first / page_keys + 1] else page;
                const size = comptime stored.size();
                const keys = page + job.key_offset * size;
                const values = page + job.value_offset * size;
                const seen = @min(page_keys, keys_end - first);
                const few = job.rows <= rows_max;
                overStrips(read, job, first, .{
                    .at = readable(stored, read, job, keys, page_keys),
                    .ahead = if (few) values else null,
                }, score);
                for (0..job.rows) |row| soften(job, first, row, &running[row]);
                overStrips(read, job, first, .{
                    .at = readable(stored, read, job, values, seen),
                    .ahead = if (few) next + job.key_offset * size else null,
                }, weigh);
            }
        }

        /// Keys or values of a page, and what a few rows read after them.
        const Half = struct {
            at: [*]const u8,
            ahead: ?[*]const u8,

            /// Lines of `stride` elements from the first one's element `start` on. What is asked for
            /// meanwhile: from `done` elements on.
            fn operand(self: Half, size: usize, start: usize, stride: usize, done: usize) Matrix.Operand {
                return .{
                    .at = self.at + start * size,
                    .stride = stride,
                    .ahead = if (self.ahead) |ahead| ahead + done * size else null,
                };
            }
        };

        /// `count` rows or columns of keys or values: themselves, or widened.
        fn readable(
            comptime stored: Dtype,
            comptime read: Dtype,
            job: *const kernels.Attention,
            from: [*]const u8,
            count: usize,
        ) [*]const u8 {
            if (stored == read) return from;
            const wide = job.scratch + kernels.attentionScratch(job.rows, 0);
            Matrix.widen(stored, from, wide, count * job.head_dim);
            return @ptrCast(wide);
        }

        /// Calls `work` for a few rows at a time, those that see the page.
        inline fn overStrips(
            comptime read: Dtype,
            job: *const kernels.Attention,
            first: usize,
            half: Half,
            comptime work: fn (comptime u32, comptime Dtype, *const kernels.Attention, usize, usize, Half) void,
        ) void {
            var row: usize = 0;
            while (row + rows_max <= job.rows) : (row += rows_max) {
                const keys = keysOf(job, first, row + rows_max - 1);
                if (keys > 0) work(rows_max, read, job, row, keys, half);
            }
            const rest = job.rows - row;
            inline for (1..rows_max) |rows| {
                if (rest == rows) {
                    const keys = keysOf(job, first, row + rows - 1);
                    if (keys > 0) work(rows, read, job, row, keys, half);
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
            comptime read: Dtype,
            job: *const kernels.Attention,
            row: usize,
            keys: usize,
            half: Half,
        ) void {
            const vectors = comptime vectorsOf(rows);
            const d = job.head_dim;
            const queries = job.queries + row * d;
            const lines = job.scratch + row * page_keys;
            var key: usize = 0;
            while (key < keys) : (key += vectors * lanes) {
                const b = half.operand(comptime read.size(), key, page_keys, key * d);
                var sums: [rows][vectors]V = @splat(@splat(@splat(0)));
                Matrix.tile(rows, vectors, read, queries, d, b, d, &sums);
                inline for (0..rows) |r| inline for (0..vectors) |v| {
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
            comptime read: Dtype,
            job: *const kernels.Attention,
            row: usize,
            keys: usize,
            half: Half,
        ) void {
            const vectors = comptime vectorsOf(rows);
            const d = job.head_dim;
            var column: usize = 0;
            while (column + vectors * lanes <= d) : (column += vectors * lanes) {
                weighColumns(rows, vectors, read, job, row, keys, half, column);
            }
            while (column < d) : (column += lanes) weighColumns(rows, 1, read, job, row, keys, half, column);
        }

        inline fn weighColumns(
            comptime rows: u32,
            comptime vectors: u32,
            comptime read: Dtype,
            job: *const kernels.Attention,
            row: usize,
            keys: usize,
            half: Half,
            column: usize,
        ) void {
            const d = job.head_dim;
            const weights = job.scratch + row * page_keys;
            const out = job.out + row * d + column;
            const b = half.operand(comptime read.size(), column, d, column * page_keys);
            var sums: [rows][vectors]V = undefined;
            inline for (0..rows) |r| inline for (0..vectors) |v| {
                sums[r][v] = vec.load(lanes, out + r * d + v * lanes);
            };
            Matrix.tile(rows, vectors, read, weights, page_keys, b, keys, &sums);
            inline for (0..rows) |r| inline for (0..vectors) |v| {
                vec.store(lanes, out + r * d + v * lanes, sums[r][v]);
            };
        }
    };
}
