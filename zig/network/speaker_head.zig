//! The residual network in front of CAM++: 3 x 3 convolutions over frequency and time, 32 channels, whose frequencies
//! halve three times, 80 to 10. Time keeps its length.
//!
//! A plane is [frequencies][frames][channels] with zeros around: one row of frequencies before and behind, one frame
//! before and behind each. So the three frames that a value is made of lie one after the other, and a convolution is
//! one product with runs in three frequencies, and all frames of a frequency as its rows. Time goes in pieces, each
//! with so many frames around it as the network sees; these are computed twice, and left out where they are not whole.
//! At 8 bits a value is rounded once, with the others of its frequency and frame, for all nine products that it is in.

const std = @import("std");
const errors = @import("../errors.zig");
const fbank = @import("fbank.zig");
const kernels = @import("../kernels/kernels.zig");
const products = @import("products.zig");
const rectified = @import("rectified.zig");
const weights = @import("speaker_weights.zig");
const assert = std.debug.assert;
const Error = errors.Error;
const Rows = rectified.Rows;
const floats = weights.floats;

pub const channels = 32;
pub const bins_out = 10;
const bins = fbank.bins;
/// Frames of a piece, and how many the network sees on either side: one a convolution.
const piece = 480;
const reach = 10;
const taps = 3;

/// A convolution of one channel, its normalisation folded in: weights f32[taps][taps][channels].
const First = struct { weights: []const f32, shift: []const f32 };

/// A convolution, its normalisation folded in. Each frequency is a run. With a shortcut there is another one, of one
/// frequency and frame of another plane.
const Convolution = struct { weight: rectified.Weight, shift: []const f32, stride: usize };

const Residual = struct { first: Convolution, second: Convolution };

pub const Head = struct {
    table: *const kernels.Table,
    precision: products.Precision,
    first: First,
    blocks: [4]Residual,
    last: Convolution,

    pub fn init(reader: *const weights.Reader) Error!Head {
        const name = "embedding.head.";
        return .{
            .table = reader.table,
            .precision = reader.precision,
            .first = try firstOf(reader),
            .blocks = .{
                try residual(reader, name ++ "layer1.0.", 2),
                try residual(reader, name ++ "layer1.1.", 1),
                try residual(reader, name ++ "layer2.0.", 2),
                try residual(reader, name ++ "layer2.1.", 1),
            },
            .last = try convolution(reader, name ++ "conv2", name ++ "bn2", 2, null),
        };
    }

    /// `mels` f32[frames][bins] to out[bins_out][out_pad + frames + out_pad][channels]; the pads are left alone.
    pub fn run(self: *const Head, mels: []const f32, frames: usize, space: *Space, out: Rows, out_pad: usize) void {
        assert(mels.len == frames * bins);
        var start: usize = 0;
        while (start < frames) : (start += piece) {
            const from = start -| reach;
            const end: usize = @min(start + piece, frames);
            const count: usize = @min(end + reach, frames) - from;
            space.enter(mels[from * bins ..][0 .. count * bins], count);
            const result = self.runPiece(space, count);
            for (0..bins_out) |f| {
                const to = (f * (frames + 2 * out_pad) + out_pad + start) * channels;
                const at = ((f + 1) * (count + 2) + 1 + start - from) * channels;
                out.from(to).copy(result.from(at), (end - start) * channels);
            }
        }
    }

    /// Where the result is, as a plane.
    fn runPiece(self: *const Head, space: *Space, frames: usize) Rows {
        const own = &space.planes;
        var at: usize = 0; // Which plane has the input of what follows.
        var job: Job = .{ .head = self, .frames = frames };
        job.enter(space.input, own[0]);
        var frequencies: usize = bins;
        for (&self.blocks) |*block| {
            const inner, const to = .{ own[(at + 1) % 3], own[(at + 2) % 3] };
            const stride = block.first.stride;
            job.run(&block.first, own[at], inner, frequencies, null);
            frequencies /= stride;
            job.run(&block.second, inner, to, frequencies, .{ .from = own[at], .stride = stride });
            at = (at + 2) % 3;
        }
        const to = own[(at + 1) % 3];
        job.run(&self.last, own[at], to, frequencies, null);
        assert(frequencies / self.last.stride == bins_out);
        return to;
    }
};

/// Activations of a piece, a thread's own.
pub const Space = struct {
    input: []align(64) f32,
    planes: [3]Rows,

    /// For recordings of so many frames.
    pub fn init(head: *const Head, arena: std.mem.Allocator, frames: usize) Error!Space {
        const most: usize = @min(frames, piece + 2 * reach) + 2;
        var self: Space = .{ .input = try floats(arena, (bins + 2) * most), .planes = undefined };
        // The second and the third hold what has half of the frequencies, or fewer.
        for (&self.planes, [_]usize{ bins, bins / 2, bins / 2 }) |*plane, frequencies| {
            const count = (frequencies + 2) * most * channels;
            plane.* = Rows.init(arena, head.precision, count) catch return weights.outOfMemory();
        }
        return self;
    }

    /// Frequencies become rows.
    fn enter(self: *Space, mels: []const f32, frames: usize) void {
        @memset(self.input[0 .. (bins + 2) * (frames + 2)], 0);
        for (0..bins) |f| {
            const row = self.input[(f + 1) * (frames + 2) + 1 ..][0..frames];
            for (row, 0..) |*value, t| value.* = mels[t * bins + f];
        }
    }
};

/// The plane that a convolution is added to, as it is or as a product.
const Beside = struct { from: Rows, stride: usize };

const Job = struct {
    head: *const Head,
    frames: usize,

    /// From an input to the first plane.
    fn enter(self: *const Job, input: []const f32, to: Rows) void {
        const width = self.frames + 2;
        for (0..bins) |f| {
            const line = to.from(((f + 1) * width + 1) * channels);
            var job: kernels.RectifiedFirst = .{
                .x = undefined,
                .weights = self.head.first.weights.ptr,
                .shift = self.head.first.shift.ptr,
                .rows = self.frames,
                .out = if (line == .f32) line.f32 else null,
                .to = if (line == .int8) line.int8 else null,
            };
            for (&job.x, f..) |*x, row| x.* = input[row * width ..].ptr;
            self.head.table.rectified_first(&job);
        }
        self.surround(to, bins);
    }

    /// Zeros around a plane.
    fn surround(self: *const Job, plane: Rows, frequencies: usize) void {
        const width = self.frames + 2;
        plane.clear(width * channels);
        for (1..frequencies + 1) |f| {
            plane.from(f * width * channels).clear(channels);
            plane.from(((f + 1) * width - 1) * channels).clear(channels);
        }
        plane.from((frequencies + 1) * width * channels).clear(width * channels);
    }

    /// From a plane of so many frequencies to the next, negative values made 0.
    fn run(
        self: *const Job,
        by: *const Convolution,
        from: Rows,
        to: Rows,
        frequencies: usize,
        beside: ?Beside,
    ) void {
        const width = self.frames + 2;
        const rows = frequencies / by.stride;
        for (0..rows) |f| {
            var x: [taps + 1]Rows = undefined;
            for (x[0..taps], 0..) |*run_from, k| run_from.* = from.from((by.stride * f + k) * width * channels);
            var job: rectified.Job = .{
                .rows = self.frames,
                .x = x[0..taps],
                .x_stride = channels,
                .to = .{ .rows = to.from(((f + 1) * width + 1) * channels) },
                .shift = by.shift.ptr,
            };
            if (beside) |other| {
                const own = other.from.from(((other.stride * f + 1) * width + 1) * channels);
                if (by.weight.depths.len > taps) {
                    x[taps] = own;
                    job.x = &x;
                } else job.beside = own;
            }
            by.weight.times(self.head.table, job);
        }
        self.surround(to, rows);
    }
};

fn firstOf(reader: *const weights.Reader) Error!First {
    reader.forget();
    const norm = try reader.norm("embedding.head.bn1", .{}, channels, true);
    const weight = try reader.tensor("embedding.head.conv1.weight", .{}, &.{ channels, 1, taps, taps });
    const turned = try floats(reader.arena, taps * taps * channels);
    for (0..channels) |n| for (0..taps * taps) |tap| {
        turned[tap * channels + n] = weight[n * taps * taps + tap] * norm.scale[n];
    };
    return .{ .weights = turned, .shift = norm.shift };
}

/// `shortcut`: weights f32[channels][channels].
fn convolution(
    reader: *const weights.Reader,
    comptime name: []const u8,
    comptime norm_name: []const u8,
    stride: usize,
    shortcut: ?[]const f32,
) Error!Convolution {
    const norm = try reader.norm(norm_name, .{}, channels, true);
    const weight = try reader.tensor(name ++ ".weight", .{}, &.{ channels, channels, taps, taps });
    var parts: [taps + 1]rectified.Part = undefined;
    for (parts[0..taps], 0..) |*part, k| {
        const turned = try reader.unset(channels * taps * channels);
        for (0..channels) |n| for (0..channels) |c| for (0..taps) |t| {
            turned[(n * taps + t) * channels + c] = weight[((n * channels + c) * taps + k) * taps + t] * norm.scale[n];
        };
        part.* = .{ .values = turned, .depth = taps * channels };
    }
    if (shortcut) |values| parts[taps] = .{ .values = values, .depth = channels };
    const runs: usize = if (shortcut == null) taps else taps + 1;
    const own = rectified.Weight.init(reader.arena, reader.table, reader.precision, channels, parts[0..runs]) catch
        return weights.outOfMemory();
    return .{ .weight = own, .shift = norm.shift, .stride = stride };
}

fn residual(reader: *const weights.Reader, comptime name: []const u8, stride: usize) Error!Residual {
    reader.forget();
    const first = try convolution(reader, name ++ "conv1", name ++ "bn1", stride, null);
    if (stride == 1) {
        return .{ .first = first, .second = try convolution(reader, name ++ "conv2", name ++ "bn2", 1, null) };
    }
    const norm = try reader.norm(name ++ "shortcut.1", .{}, channels, true);
    const shortcut = try reader.tensor(name ++ "shortcut.0.weight", .{}, &.{ channels, channels, 1, 1 });
    weights.scaleRows(shortcut, norm.scale);
    var second = try convolution(reader, name ++ "conv2", name ++ "bn2", 1, shortcut);
    const shift = try floats(reader.arena, channels);
    for (shift, second.shift, norm.shift) |*to, own, other| to.* = own + other;
    second.shift = shift;
    return .{ .first = first, .second = second };
}
