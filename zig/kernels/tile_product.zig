//! Products of many rows of activations with weights, as tiles of bf16 (tiles.zig).
//!
//! Activations are tiles already (`pack`). Weights are packed panels of 8 or 4 bits, or rows of bf16; of two panels
//! (32 outputs) a piece of the depth is widened to tiles of bf16, the scale included, and serves all rows:
//!
//!                     step 0             step 1             step 2
//!     widened    A [piece of pair 0]                   A [piece of pair 2] ...
//!                                   B [piece of pair 1]
//!     multiplied                    A x rows           B x rows           ...
//!
//! While one piece meets all rows, 32 at a time in four sums, the next one is widened, some between any two
//! multiplications: those are done by a unit of their own, which the vector units need not wait for. When all pairs
//! have had a piece of the depth, the next piece follows, so that the activations' piece stays in the second-level
//! cache for all pairs; sums wait in the output.
//!
//! A sum takes blocks of 32 columns in their order, whatever is beside it: a row's result does not depend on how many
//! rows there are, nor on how the work is cut. Weights in bf16 are exact, and activations then come in two parts, the
//! nearest bf16 and the nearest of what is missing, together good to 2^-16 of their size. Packed weights are
//! rounded to bf16 (by at most 2^-8 of their size), and activations have one part: less error than activations of 8
//! bits bring, whose step is that of the greatest of 32.

const std = @import("std");
const builtin = @import("builtin");
const kernels = @import("kernels.zig");
const quantized = @import("quantized.zig");
const tiles = @import("tiles.zig");
const vec = @import("vec.zig");

const depth = kernels.tile_depth;
const tile_rows = kernels.tile_rows;
const tile_bytes = tiles.tile_bytes;
/// Values of bf16 in a tile.
const tile_values = tile_bytes / 2;
/// Panels side by side.
const side = 2;
const piece_bytes = side * kernels.tiled_chunk * tile_bytes;

comptime {
    std.debug.assert(kernels.tiled_scratch == 2 * piece_bytes + tile_bytes);
    std.debug.assert(depth == quantized.block and tile_rows == quantized.panel_rows);
}

const Floats = @Vector(tile_rows, f32);
const Words = @Vector(tile_rows, u32);
const Line = @Vector(depth, f32);

/// See `kernels.Table.tile_pack`.
pub fn pack(job: *const kernels.TilePack) callconv(.c) void {
    var column: usize = 0;
    while (column < job.columns) : (column += depth) {
        const to = job.to + column * tile_rows;
        const rest = if (job.rest) |rest| rest + column * tile_rows else null;
        const count = @min(depth, job.columns - column);
        for (0..tile_rows) |row| {
            var line: [depth]f32 = @splat(0);
            if (row < job.rows) {
                const from = job.x + row * job.stride + column;
                if (count == depth) line = from[0..depth].* else @memcpy(line[0..count], from);
            }
            const nearest = narrow(line);
            to[row * depth ..][0..depth].* = nearest;
            if (rest) |other| other[row * depth ..][0..depth].* = narrow(@as(Line, line) - widen(nearest));
        }
    }
}

const Half = @Vector(depth, u16);

/// The nearest bf16, ties to even. NaN stays NaN.
inline fn narrow(x: Line) Half {
    const bits: @Vector(depth, u32) = @bitCast(x);
    const one: @Vector(depth, u32) = @splat(1);
    const sixteen: @Vector(depth, u5) = @splat(16);
    const rounded = (bits +% @as(@Vector(depth, u32), @splat(0x7fff)) +% (bits >> sixteen & one)) >> sixteen;
    return @truncate(@select(u32, x == x, rounded, @as(@Vector(depth, u32), @splat(0x7fc0))));
}

inline fn widen(x: Half) Line {
    return @bitCast(@as(@Vector(depth, u32), x) << @splat(16));
}

pub fn Product(comptime Machine: type) type {
    return struct {
        /// See `kernels.Table.tile_gemm`.
        pub fn run(job: *const kernels.Tiled) callconv(.c) void {
            var machine: Machine = .{};
            machine.configure();
            defer machine.release();
            switch (job.kind) {
                inline else => |kind| multiply(kind, &machine, job),
            }
        }

        fn multiply(comptime kind: kernels.Tiled.Kind, machine: *Machine, job: *const kernels.Tiled) void {
            const work: Work = .init(job);
            var widener: Widener(kind) = .{ .job = job };
            widener.begin(work.step(0), job.scratch, 1);
            widener.finish();
            for (0..work.steps) |number| {
                const step = work.step(number);
                const piece = job.scratch + number % 2 * piece_bytes;
                const other = job.scratch + (number + 1) % 2 * piece_bytes;
                const turns = (job.rows + 2 * tile_rows - 1) / (2 * tile_rows) * step.count;
                widener.begin(if (number + 1 < work.steps) work.step(number + 1) else .none, other, turns);
                var row: usize = 0;
                while (row < job.rows) : (row += 2 * tile_rows) {
                    inline for (1..3) |strips| inline for (1..side + 1) |panels| {
                        const is_last = job.rows - row <= tile_rows;
                        if ((strips == 1) == is_last and panels == step.panels) {
                            multiplyRows(kind, strips, panels, machine, job, work, step, piece, row, &widener);
                        }
                    };
                }
                widener.finish();
            }
        }

        /// `strips` times 16 rows and `panels` panels: sums in registers 0 to 3, activations in 4 and 5, weights in 6
        /// and 7.
        fn multiplyRows(
            comptime kind: kernels.Tiled.Kind,
            comptime strips: usize,
            comptime panels: usize,
            machine: *Machine,
            job: *const kernels.Tiled,
            work: Work,
            step: Step,
            piece: [*]const u8,
            row: usize,
            widener: *Widener(kind),
        ) void {
            const parts = if (kind == .bf16) 2 else 1;
            const strip_bytes = work.blocks * tile_bytes;
            const first = (row / tile_rows * work.blocks + step.first) * tile_bytes;
            const inputs: [2][*]const u8 = .{
                @as([*]const u8, @ptrCast(job.x)) + first,
                if (parts == 2) @as([*]const u8, @ptrCast(job.x_rest.?)) + first else undefined,
            };
            inline for (0..strips) |s| inline for (0..panels) |p| {
                const sums: Sums = .init(job, row + s * tile_rows, step.panel + p);
                if (step.first == 0) machine.zero(2 * s + p) else sums.load(machine, 2 * s + p);
            };
            for (0..step.count) |block| {
                const at = block * tile_bytes;
                inline for (0..panels) |p| {
                    machine.load(6 + p, piece + (block * side + p) * tile_bytes, tiles.row_bytes);
                }
                inline for (inputs[0..parts]) |from| {
                    inline for (0..strips) |s| {
                        machine.load(4 + s, from + s * strip_bytes + at, tiles.row_bytes);
                        inline for (0..panels) |p| machine.multiplyAdd(2 * s + p, 4 + s, 6 + p);
                    }
                    // What the next rows need here, which comes from the second-level cache.
                    if (Machine == tiles.Amx) inline for (0..2) |s| inline for (0..tile_rows) |line| {
                        const ahead = from + (2 + s) * strip_bytes + at + line * tiles.row_bytes;
                        @prefetch(ahead, .{ .locality = 3 });
                    };
                }
                widener.turn();
            }
            inline for (0..strips) |s| inline for (0..panels) |p| {
                const sums: Sums = .init(job, row + s * tile_rows, step.panel + p);
                sums.store(machine, 2 * s + p);
            };
        }

        /// A tile of the output, of which `rows` and `columns` are real. One that is not whole goes through the
        /// scratch.
        const Sums = struct {
            out: [*]f32,
            stride: usize,
            held: [*]u8,
            rows: usize,
            columns: usize,

            inline fn init(job: *const kernels.Tiled, row: usize, panel: usize) Sums {
                const column = panel * tile_rows;
                return .{
                    .out = job.out + row * job.out_stride + column,
                    .stride = job.out_stride,
                    .held = job.scratch + 2 * piece_bytes,
                    .rows = @min(tile_rows, job.rows - row),
                    .columns = @min(tile_rows, job.count - column),
                };
            }

            inline fn isWhole(self: Sums) bool {
                return self.rows == tile_rows and self.columns == tile_rows;
            }

            inline fn load(self: Sums, machine: *Machine, comptime tile: u3) void {
                if (self.isWhole()) return machine.load(tile, @ptrCast(self.out), self.stride * 4);
                const held: [*]f32 = @ptrCast(@alignCast(self.held));
                @memset(held[0 .. tile_rows * tile_rows], 0);
                for (0..self.rows) |r| {
                    @memcpy((held + r * tile_rows)[0..self.columns], self.out + r * self.stride);
                }
                machine.load(tile, self.held, tiles.row_bytes);
            }

            inline fn store(self: Sums, machine: *Machine, comptime tile: u3) void {
                if (self.isWhole()) return machine.store(tile, @ptrCast(self.out), self.stride * 4);
                machine.store(tile, self.held, tiles.row_bytes);
                const held: [*]const f32 = @ptrCast(@alignCast(self.held));
                for (0..self.rows) |r| {
                    @memcpy((self.out + r * self.stride)[0..self.columns], held + r * tile_rows);
                }
            }
        };
    };
}

/// A pair of panels and a piece of the depth: blocks first..first + count.
const Step = struct {
    panel: usize,
    panels: usize,
    first: usize,
    count: usize,

    const none: Step = .{ .panel = 0, .panels = 0, .first = 0, .count = 0 };
};

/// How a job is cut: all pairs for the first piece of the depth, then for the next.
const Work = struct {
    blocks: usize,
    /// Blocks of a piece; the last one may have fewer.
    piece: usize,
    panels: usize,
    pairs: usize,
    steps: usize,

    fn init(job: *const kernels.Tiled) Work {
        const blocks = (job.columns + depth - 1) / depth;
        const least = (blocks + kernels.tiled_chunk - 1) / kernels.tiled_chunk;
        const piece = (blocks + least - 1) / least;
        const panels = (job.count + tile_rows - 1) / tile_rows;
        const pairs = (panels + side - 1) / side;
        return .{
            .blocks = blocks,
            .piece = piece,
            .panels = panels,
            .pairs = pairs,
            .steps = pairs * ((blocks + piece - 1) / piece),
        };
    }

    fn step(self: Work, number: usize) Step {
        const panel = number % self.pairs * side;
        const first = number / self.pairs * self.piece;
        return .{
            .panel = panel,
            .panels = @min(side, self.panels - panel),
            .first = first,
            .count = @min(self.piece, self.blocks - first),
        };
    }
};

/// Makes tiles of a step's weights, u16[count][side][tile], a little at every turn.
fn Widener(comptime kind: kernels.Tiled.Kind) type {
    return struct {
        const Self = @This();
        /// Turns that a tile takes: 40 to 60 cycles of vector instructions each.
        const shares = if (kind == .bf16) 1 else 2;

        job: *const kernels.Tiled,
        step: Step = .none,
        to: [*]u8 = undefined,
        done: usize = 0,
        total: usize = 0,
        turns: usize = 1,
        credit: usize = 0,

        fn begin(self: *Self, step: Step, to: [*]u8, turns: usize) void {
            self.* = .{
                .job = self.job,
                .step = step,
                .to = to,
                .total = step.count * step.panels * shares,
                .turns = turns,
            };
        }

        /// One of `turns`, over which the shares are spread evenly.
        inline fn turn(self: *Self) void {
            self.credit += self.total;
            while (self.credit >= self.turns) : (self.credit -= self.turns) self.next();
        }

        fn finish(self: *Self) void {
            while (self.done < self.total) self.next();
        }

        /// A call: where it is inlined many times over, the loops around it do not fit the cache of instructions.
        noinline fn next(self: *Self) void {
            const share = self.done;
            self.done += 1;
            // A panel after the other: what lies one behind the other is read so.
            const tile = share / shares;
            const p = tile / self.step.count;
            const block = tile % self.step.count;
            const to: *[tile_rows]Words = @ptrCast(@alignCast(self.to + (block * side + p) * tile_bytes));
            const panel = self.step.panel + p;
            if (kind == .bf16) return turnRows(self.job, panel, self.step.first + block, to);
            inline for (0..shares) |half| if (share % shares == half) {
                widenHalf(if (kind == .eight) .eight else .four, half, self.job, panel, self.step.first + block, to);
            };
        }
    };
}

/// How far ahead packed weights are asked for.
const prefetch_bytes = 4096;

/// Half of a block of a packed panel to half a tile: group g, four columns of all rows, is two lines of pairs.
inline fn widenHalf(
    comptime bits: kernels.Bits,
    comptime half: usize,
    job: *const kernels.Tiled,
    panel: usize,
    block: usize,
    to: *[tile_rows]Words,
) void {
    const groups = quantized.groups / 2;
    const from = job.weights + panel * kernels.panelBytes(bits, job.columns);
    const lines = from + quantized.linesAt(bits, block);
    const bytes = comptime bits.blockBytes();
    inline for (0..bytes / 128) |line| {
        @prefetch(lines + half * (bytes / 2) + line * 64 + prefetch_bytes, .{ .locality = 2 });
    }
    const stored: *const [tile_rows]f16 = @ptrCast(@alignCast(from + quantized.scalesAt(bits, block)));
    const large: Floats = @as(@Vector(tile_rows, f16), stored.*);
    const scale = large * @as(Floats, @splat(1.0 / quantized.scale_shift));
    inline for (half * groups..(half + 1) * groups) |g| {
        const line: Words = @bitCast(quantized.groupOf(bits, lines, g));
        inline for (0..2) |pair| {
            const even = byteOf(2 * pair, line, scale);
            const odd = byteOf(2 * pair + 1, line, scale);
            to[2 * g + pair] = pairOf(even, odd);
        }
    }
}

/// Byte `number` of every word as a number, times the scale; exact. With fused multiply-adds the byte goes into the
/// fraction of 2^15, which takes two instructions less than to spread its sign and convert it.
inline fn byteOf(comptime number: u5, words: Words, scale: Floats) Floats {
    if (!vec.has_fma) {
        const byte: @Vector(tile_rows, u8) = @truncate(words >> @splat(8 * number));
        const value: @Vector(tile_rows, i8) = @bitCast(byte -% @as(@Vector(tile_rows, u8), @splat(quantized.bias)));
        return @as(Floats, @floatFromInt(value)) * scale;
    }
    const positive: Words = if (quantized.bias == 0) words ^ @as(Words, @splat(0x8080_8080)) else words;
    const moved = if (number == 0) positive << @splat(8) else positive >> @splat(8 * number - 8);
    const mantissa = moved & @as(Words, @splat(0xff00)) | @as(Words, @splat(0x4700_0000));
    // 2^15 + 128 has 9 bits and the scale 11: their product is exact, too.
    const offset = scale * @as(Floats, @splat(-(32768.0 + 128.0)));
    return vec.mulAdd(tile_rows, @bitCast(mantissa), scale, offset);
}

/// Both to the nearest bf16, ties away from zero, side by side.
inline fn pairOf(even: Floats, odd: Floats) Words {
    const half: Words = @splat(0x8000);
    const low = inRegister((@as(Words, @bitCast(even)) +% half) >> @splat(16));
    const high = (@as(Words, @bitCast(odd)) +% half) & @as(Words, @splat(0xffff_0000));
    return low | high;
}

const has_avx512 = builtin.cpu.arch == .x86_64 and
    std.Target.x86.featureSetHas(builtin.cpu.features, .avx512f);

/// The same value, computed here and now. Left alone, the compiler makes one permutation of shift and choice, which
/// is three instructions to the processor.
inline fn inRegister(value: Words) Words {
    if (!has_avx512) return value;
    return asm (""
        : [_] "=v" (-> Words),
        : [_] "0" (value),
    );
}

/// Elements ahead of those turned that are asked for: rows are too many streams for the hardware.
const rows_ahead = 128;

/// Block `block` of 16 rows of bf16 to a tile: pairs of columns change sides with rows.
inline fn turnRows(job: *const kernels.Tiled, panel: usize, block: usize, to: *[tile_rows]Words) void {
    const first = panel * tile_rows;
    const column = block * depth;
    const count = @min(depth, job.columns - column);
    const rows = @min(tile_rows, job.count - first);
    @setEvalBranchQuota(20_000);
    var square: [tile_rows]Words = undefined;
    const from = job.weights + (first * job.columns + column) * 2;
    inline for (&square, 0..) |*line, row| {
        const at = from + row * job.columns * 2;
        @prefetch(at + rows_ahead * 2, .{ .locality = 2 });
        line.* = if (row >= rows) @splat(0) else part(at, count);
    }
    // Each round interleaves the first half of the lines with the second, which turns the bits of row and column by
    // one place.
    inline for (0..comptime std.math.log2_int(u32, tile_rows)) |_| {
        var turned: [tile_rows]Words = undefined;
        inline for (0..tile_rows / 2) |i| inline for (0..2) |half| {
            turned[2 * i + half] = @shuffle(u32, square[i], square[i + tile_rows / 2], interleaved(half));
        };
        square = turned;
    }
    to.* = square;
}

/// So many values of bf16, and zeros.
inline fn part(from: [*]const u8, count: usize) Words {
    if (count == depth) return @bitCast(from[0..tiles.row_bytes].*);
    var bytes: [tiles.row_bytes]u8 = @splat(0);
    @memcpy(bytes[0 .. 2 * count], from);
    return @bitCast(bytes);
}

/// Element by element of the first or second halves of two vectors; those of the second are negative.
fn interleaved(half: usize) [tile_rows]i32 {
    var order: [tile_rows]i32 = undefined;
    for (&order, 0..) |*from, i| {
        const element: i32 = @intCast((half * tile_rows + i) / 2);
        from.* = if (i % 2 == 0) element else ~element;
    }
    return order;
}
