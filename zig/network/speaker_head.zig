//! The residual network in front of CAM++: 3 x 3 convolutions over frequency and time, 32 channels, whose frequencies
//! halve three times, 80 to 10. Time keeps its length.
//!
//! A plane is [frequencies][frames][channels] with zeros around: one row of frequencies before and behind, one frame
//! before and behind each. So the three frames that a value is made of lie one after the other, and a convolution is
//! one product for each of three frequencies, with all frames of a frequency as its rows. Time goes in pieces, each
//! with so many frames around it as the network sees; these are computed twice, and left out where they are not whole.

const std = @import("std");
const errors = @import("../errors.zig");
const fbank = @import("fbank.zig");
const kernels = @import("../kernels/kernels.zig");
const packed_ = @import("packed.zig");
const threads = @import("../compute/threads.zig");
const weights = @import("speaker_weights.zig");
const assert = std.debug.assert;
const Error = errors.Error;
const Packed = packed_.Packed;
const floats = weights.floats;

pub const channels = 32;
pub const bins_out = 10;
const bins = fbank.bins;
/// Frames of a piece, and how many the network sees on either side: one a convolution.
const piece = 480;
const reach = 10;
const taps = 3;

/// A convolution, its normalisation folded in. A row of `taps` packed matrices, one a frequency.
const Convolution = struct { rows: [taps]Packed, shift: []const f32, stride: usize };

const Residual = struct {
    first: Convolution,
    second: Convolution,
    /// Of one frequency and frame; null: the input as it is.
    shortcut: ?Packed,
};

pub const Head = struct {
    table: *const kernels.Table,
    pool: *const threads.Pool,
    first: Convolution,
    blocks: [4]Residual,
    last: Convolution,

    pub fn init(reader: *const weights.Reader, pool: *const threads.Pool) Error!Head {
        const name = "embedding.head.";
        return .{
            .table = reader.table,
            .pool = pool,
            .first = try convolution(reader, name ++ "conv1", name ++ "bn1", 1, 1),
            .blocks = .{
                try residual(reader, name ++ "layer1.0.", 2),
                try residual(reader, name ++ "layer1.1.", 1),
                try residual(reader, name ++ "layer2.0.", 2),
                try residual(reader, name ++ "layer2.1.", 1),
            },
            .last = try convolution(reader, name ++ "conv2", name ++ "bn2", channels, 2),
        };
    }

    /// `mels` f32[frames][bins] to out[bins_out][out_pad + frames + out_pad][channels]; the pads are left alone.
    pub fn run(self: *const Head, mels: []const f32, frames: usize, planes: *Planes, out: []f32, out_pad: usize) void {
        assert(mels.len == frames * bins);
        assert(out.len == bins_out * (frames + 2 * out_pad) * channels);
        var start: usize = 0;
        while (start < frames) : (start += piece) {
            const from = start -| reach;
            const end: usize = @min(start + piece, frames);
            const count: usize = @min(end + reach, frames) - from;
            planes.enter(mels[from * bins ..][0 .. count * bins], count);
            const result = self.runPiece(planes, count);
            for (0..bins_out) |f| {
                const to = (f * (frames + 2 * out_pad) + out_pad + start) * channels;
                const at = ((f + 1) * (count + 2) + 1 + start - from) * channels;
                const floats_count = (end - start) * channels;
                @memcpy(out[to..][0..floats_count], result[at..][0..floats_count]);
            }
        }
    }

    /// Where the result is, as a plane.
    fn runPiece(self: *const Head, planes: *Planes, frames: usize) []const f32 {
        const own = &planes.own;
        var at: usize = 0; // Which plane has the input of what follows.
        var job: Job = .{ .head = self, .frames = frames };
        job.run(&self.first, 1, planes.input, own[0], bins, .{});
        var frequencies: usize = bins;
        for (&self.blocks) |*block| {
            const inner, const to = .{ own[(at + 1) % 3], own[(at + 2) % 3] };
            job.run(&block.first, channels, own[at], inner, frequencies, .{});
            const halved = frequencies / block.first.stride;
            if (block.shortcut) |*shortcut| {
                job.run(&block.second, channels, inner, to, halved, .{ .shortcut = shortcut, .from = own[at] });
                at = (at + 2) % 3;
            } else job.run(&block.second, channels, inner, own[at], halved, .{ .adds = true });
            frequencies = halved;
        }
        const to = own[(at + 1) % 3];
        job.run(&self.last, channels, own[at], to, frequencies, .{});
        assert(frequencies / self.last.stride == bins_out);
        return to;
    }
};

/// Activations of a piece.
pub const Planes = struct {
    input: []align(64) f32,
    own: [3][]align(64) f32,

    /// For recordings of so many frames.
    pub fn init(arena: std.mem.Allocator, frames: usize) Error!Planes {
        const most: usize = @min(frames, piece + 2 * reach) + 2;
        var self: Planes = .{ .input = try floats(arena, (bins + 2) * most), .own = undefined };
        // The second and the third hold what has half of the frequencies, or fewer.
        for (&self.own, [_]usize{ bins, bins / 2, bins / 2 }) |*plane, frequencies| {
            plane.* = try floats(arena, (frequencies + 2) * most * channels);
        }
        return self;
    }

    /// Frequencies become rows.
    fn enter(self: *Planes, mels: []const f32, frames: usize) void {
        @memset(self.input[0 .. (bins + 2) * (frames + 2)], 0);
        for (0..bins) |f| {
            const row = self.input[(f + 1) * (frames + 2) + 1 ..][0..frames];
            for (row, 0..) |*value, t| value.* = mels[t * bins + f];
        }
    }
};

/// What a convolution is added to.
const Beside = struct {
    /// What `to` holds already.
    adds: bool = false,
    shortcut: ?*const Packed = null,
    /// The shortcut's input, of `stride` 2 in frequency.
    from: []const f32 = &.{},
};

const Job = struct {
    head: *const Head,
    frames: usize,
    by: *const Convolution = undefined,
    in: usize = 0,
    from: []const f32 = &.{},
    to: []f32 = &.{},
    rows: usize = 0,
    beside: Beside = .{},

    /// From a plane of so many frequencies and `in` channels to the next, negative values made 0.
    fn run(
        self: *Job,
        by: *const Convolution,
        in: usize,
        from: []const f32,
        to: []f32,
        frequencies: usize,
        beside: Beside,
    ) void {
        self.by = by;
        self.in = in;
        self.from = from;
        self.to = to;
        self.rows = frequencies / by.stride;
        self.beside = beside;
        self.head.pool.run(self.rows, self, row);
    }

    fn row(self: *Job, f: usize, _: usize) void {
        const table = self.head.table;
        const width = self.frames + 2;
        const line = self.to[(f + 1) * width * channels ..][0 .. width * channels];
        const to = line.ptr + channels;
        var adds = self.beside.adds;
        if (self.beside.shortcut) |shortcut| {
            const from = self.beside.from.ptr + ((shortcut_stride * f + 1) * width + 1) * channels;
            shortcut.times(table, self.frames, from, channels, to, channels);
            adds = true;
        }
        for (self.by.rows, 0..) |tap, k| {
            const from = self.from.ptr + (self.by.stride * f + k) * width * self.in;
            if (adds) tap.addTimes(table, self.frames, from, self.in, to, channels) else {
                tap.times(table, self.frames, from, self.in, to, channels);
            }
            adds = true;
        }
        table.affine(&.{
            .x = to,
            .x_stride = channels,
            .scale = null,
            .shift = self.by.shift.ptr,
            .out = to,
            .out_stride = channels,
            .rows = self.frames,
            .columns = channels,
            .slope = 0,
        });
        @memset(line[0..channels], 0);
        @memset(line[line.len - channels ..], 0);
        if (f == 0) @memset(self.to[0 .. width * channels], 0);
        if (f + 1 == self.rows) @memset(self.to[(f + 2) * width * channels ..][0 .. width * channels], 0);
    }
};

const shortcut_stride = 2;

fn convolution(
    reader: *const weights.Reader,
    comptime name: []const u8,
    comptime norm_name: []const u8,
    in: usize,
    stride: usize,
) Error!Convolution {
    const norm = try reader.norm(norm_name, .{}, channels, true);
    const weight = try reader.tensor(name ++ ".weight", .{}, &.{ channels, in, taps, taps });
    var made: Convolution = .{ .rows = undefined, .shift = norm.shift, .stride = stride };
    const turned = try floats(reader.scratch, channels * taps * in);
    for (&made.rows, 0..) |*one, k| {
        for (0..channels) |n| for (0..in) |c| for (0..taps) |t| {
            turned[(n * taps + t) * in + c] = weight[((n * in + c) * taps + k) * taps + t] * norm.scale[n];
        };
        one.* = try reader.pack(turned, channels, taps * in);
    }
    return made;
}

fn residual(reader: *const weights.Reader, comptime name: []const u8, stride: usize) Error!Residual {
    var made: Residual = .{
        .first = try convolution(reader, name ++ "conv1", name ++ "bn1", channels, stride),
        .second = try convolution(reader, name ++ "conv2", name ++ "bn2", channels, 1),
        .shortcut = null,
    };
    if (stride == 1) return made;
    assert(stride == shortcut_stride);
    const norm = try reader.norm(name ++ "shortcut.1", .{}, channels, true);
    const shape = [_]u64{ channels, channels, 1, 1 };
    made.shortcut = try reader.matrix(name ++ "shortcut.0.weight", .{}, &shape, norm.scale);
    const shift = try floats(reader.arena, channels);
    for (shift, made.second.shift, norm.shift) |*to, own, other| to.* = own + other;
    made.second.shift = shift;
    return made;
}
