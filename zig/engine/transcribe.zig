//! Whole recordings to text in one call: what the program does with a file, for callers from C.
//!
//!     WAV ─► 16 kHz mono ─► segments, cut at pauses ─► encoder ─► decoder, greedy ─► text
//!
//! Up to two minutes stay whole, longer audio is cut about every 30 s. Segments are decoded one after
//! the other, so text comes in order; it is delivered as it is decoded. A segment in which nobody
//! speaks (voice.zig) has no text: the model would invent some. Opens an encoder and a session of the
//! model and closes them. May run on many threads at once, each with its own call.

const std = @import("std");
const encoder_ = @import("encoder.zig");
const errors = @import("../errors.zig");
const files = @import("../checkpoint/files.zig");
const model_ = @import("model.zig");
const resample_ = @import("resample.zig");
const session_ = @import("session.zig");
const transcript_ = @import("transcript.zig");
const vad = @import("../network/vad.zig");
const voice = @import("voice.zig");
const wav = @import("wav.zig");
const assert = std.debug.assert;

const Error = errors.Error;
const Model = model_.Model;

/// Gets text as it is decoded, in whole characters. Anything but 0 ends the transcription.
pub const Callback = *const fn (user: ?*anyopaque, text: [*]const u8, text_bytes: u32) callconv(.c) i32;

pub const Request = struct {
    /// As the model names it ("English"), in any case; empty: the model finds out.
    language: []const u8,
    /// Names and words that may occur.
    context: []const u8,
    callback: ?Callback,
    user: ?*anyopaque,
};

const rate: usize = resample_.rate_out;
const whole_max = 120 * rate;
const target = 30 * rate;
const search = 3 * rate;
/// A pause is the quietest of these, looked for in steps of half of it.
const window = rate / 10;
/// Tokens of a prompt around context and audio.
const template_tokens = 24;
const rows_per_second = 13;

/// 16 kHz mono samples to text; owned by the caller. Stopped by the callback it is what was said so far.
pub fn samples(model: *Model, audio: []const f32, request: Request) Error![]u8 {
    var run: Run = try .init(model, request);
    defer run.deinit();
    const likely = try voices(model.gpa, audio);
    defer model.gpa.free(likely);
    var start: usize = 0;
    const fits = positionsFor(audio.len, request.context) <= model.config.text.positions_max;
    const is_whole = audio.len <= whole_max and fits;
    while (start < audio.len and !run.is_stopped) {
        const end = if (is_whole) audio.len else endOf(audio, start);
        assert(end > start and end <= audio.len);
        const is_spoken = voice.isSpoken(audio[start..end], voice.framesOf(likely, start, end));
        if (is_spoken) try run.segment(audio[start..end], end == audio.len);
        start = end;
    }
    return run.transcript.text.toOwnedSlice(model.gpa) catch errors.outOfMemory("the text");
}

/// The same of a WAV file, of any rate and number of channels.
pub fn file(model: *Model, path: [:0]const u8, request: Request) Error![]u8 {
    const sound = try readFile(model.gpa, path);
    const audio = resample_.resample(model.gpa, sound.samples, sound.rate);
    model.gpa.free(sound.samples);
    defer if (audio) |made| model.gpa.free(made) else |_| {};
    return samples(model, try audio, request);
}

/// How likely each frame is a voice; the caller's to free.
fn voices(gpa: std.mem.Allocator, audio: []const f32) Error![]f32 {
    const detector: *vad.Vad = try .open(gpa, null);
    defer detector.close();
    return voice.likelihoods(gpa, detector, audio);
}

fn readFile(gpa: std.mem.Allocator, path: [:0]const u8) Error!wav.Sound {
    const bytes = try files.map(path, error.Invalid) orelse
        return errors.fail(error.Invalid, "{s}: no such file", .{path});
    defer files.unmap(bytes);
    return wav.decode(gpa, path, bytes);
}

/// Positions for this much audio in one piece: prompt, rows and the text it may hold. A token of the
/// context is hardly ever less than a byte.
fn positionsFor(count: usize, context: []const u8) usize {
    const rows = (@max(count, rate / 2) + rate - 1) / rate * rows_per_second;
    return template_tokens + context.len + rows + transcript_.tokensMax(secondsOf(count));
}

fn secondsOf(count: usize) f64 {
    return @as(f64, @floatFromInt(count)) / rate;
}

/// Where the segment that starts at `start` ends: in the middle of the quietest 100 ms around 30 s, the
/// first of equals, or at the end where hardly more is left.
fn endOf(audio: []const f32, start: usize) usize {
    const around = start + target;
    if (around + search >= audio.len) return audio.len;
    var best = around;
    var best_energy = std.math.inf(f64);
    var at = around - search;
    while (at + window <= around + search) : (at += window / 2) {
        var energy: f64 = 0;
        for (audio[at..][0..window]) |sample| energy += @as(f64, sample) * sample;
        if (energy < best_energy) {
            best_energy = energy;
            best = at + window / 2;
        }
    }
    return best;
}

const Run = struct {
    model: *Model,
    request: Request,
    language: []const u8,
    encoder: *encoder_.Encoder,
    session: *session_.Session,
    transcript: transcript_.Transcript,
    /// Bytes of the text that the callback has had.
    told: usize = 0,
    is_stopped: bool = false,

    fn init(model: *Model, request: Request) Error!Run {
        const language = try languageOf(model, request.language);
        const encoder = try encoder_.Encoder.open(model);
        errdefer encoder.close();
        return .{
            .model = model,
            .request = request,
            .language = language,
            .encoder = encoder,
            .session = try session_.Session.open(model),
            .transcript = .{ .allocator = model.gpa },
        };
    }

    fn deinit(self: *Run) void {
        self.transcript.deinit();
        self.session.close();
        self.encoder.close();
    }

    fn segment(self: *Run, audio: []const f32, is_last: bool) Error!void {
        try self.prefill(audio);
        if (is_last) self.model.releaseEncoder();
        self.transcript.begin(self.language.len > 0);
        try self.decode(transcript_.tokensMax(secondsOf(audio.len)));
        try self.transcript.end();
        self.tell();
    }

    fn prefill(self: *Run, audio: []const f32) Error!void {
        const gpa = self.model.gpa;
        const count = self.encoder.rowsOf(audio.len);
        const rows = gpa.alloc(f32, count * self.model.config.text.hidden) catch return errors.outOfMemory("the rows");
        defer gpa.free(rows);
        try self.encoder.encode(audio, 0, rows.ptr);
        var arena: std.heap.ArenaAllocator = .init(gpa);
        defer arena.deinit();
        var ids: std.ArrayList(u32) = .empty;
        try self.model.prompt(arena.allocator(), count, self.request.context, self.language, &ids);
        try self.session.truncate(0);
        try self.session.extend(ids.items, rows);
    }

    /// Greedy, until the model ends, goes round in circles or has said more than there is time for.
    fn decode(self: *Run, budget: u32) Error!void {
        var loop: transcript_.LoopDetector = .{};
        // What may turn out to be a loop is not text yet.
        var suspects: std.ArrayList(u32) = .empty;
        defer suspects.deinit(self.model.gpa);
        for (0..budget) |_| {
            const id = (try self.session.decoder.next()).id;
            if (self.model.isEnd(id)) break;
            const verdict = loop.push(id);
            if (verdict == .loop) return;
            suspects.append(self.model.gpa, id) catch return errors.outOfMemory("the text");
            if (verdict == .free) {
                try self.take(&suspects);
                self.tell();
                if (self.is_stopped) return;
            }
            try self.session.extend(&.{id}, &.{});
        }
        try self.take(&suspects);
    }

    fn take(self: *Run, ids: *std.ArrayList(u32)) Error!void {
        for (ids.items) |id| {
            if (id == self.model.special.asr_text) {
                self.transcript.endHeader();
            } else try self.transcript.push(self.model.tokenizer.tokenBytes(id));
        }
        ids.clearRetainingCapacity();
    }

    fn tell(self: *Run) void {
        const new = self.transcript.text.items[self.told..];
        self.told += new.len;
        const callback = self.request.callback orelse return;
        if (new.len == 0 or self.is_stopped) return;
        self.is_stopped = callback(self.request.user, new.ptr, @intCast(new.len)) != 0;
    }
};

/// The model's own name of a language.
fn languageOf(model: *const Model, wish: []const u8) Error![]const u8 {
    const known = model.config.languages;
    if (wish.len == 0 or known.len == 0) return wish;
    for (known) |one| if (std.ascii.eqlIgnoreCase(one, wish)) return one;
    var buffer: [512]u8 = undefined;
    var list: std.Io.Writer = .fixed(&buffer);
    for (known, 0..) |one, i| list.print("{s}{s}", .{ if (i == 0) "" else ", ", one }) catch break;
    return errors.fail(error.Invalid, "language {f}: not one of {s}", .{ files.quote(wish), list.buffered() });
}

// ----------------------------------------------------------------------------------------- tests

const testing = std.testing;

test "long audio is cut in its quietest places, without gap" {
    const audio = try testing.allocator.alloc(f32, 100 * rate + 77);
    defer testing.allocator.free(audio);
    for (audio, 0..) |*sample, i| sample.* = if (i / 50 % 2 == 0) 0.5 else -0.5;
    @memset(audio[29 * rate ..][0..window], 0);
    @memset(audio[58 * rate ..][0..window], 0.01);
    try testing.expectEqual(29 * rate + window / 2, endOf(audio, 0));
    try testing.expectEqual(58 * rate + window / 2, endOf(audio, 29 * rate + window / 2));
    try testing.expectEqual(audio.len, endOf(audio, 80 * rate));
    // All equally loud: the first place that is looked at.
    try testing.expectEqual(70 * rate + 27 * rate + window / 2, endOf(try steady(audio), 70 * rate));
}

/// So long that it is cut.
fn steady(audio: []f32) ![]const f32 {
    const length = 104 * rate;
    const static = struct {
        var sound: [length]f32 = @splat(0.25);
    };
    assert(audio.len < length);
    return &static.sound;
}

test "noise, hum and silence have no text, speech 30 dB quieter has" {
    const length = 6 * rate;
    const audio = try testing.allocator.alloc(f32, length);
    defer testing.allocator.free(audio);
    var prng = std.Random.DefaultPrng.init(7);
    for ([_]f32{ 0, 0.003, 0.1 }) |level| {
        for ([_]bool{ false, true }) |hums| {
            for (audio, 0..) |*sample, i| {
                const hum = @sin(@as(f32, @floatFromInt(i)) * (2 * std.math.pi * 50 / @as(f32, rate)));
                sample.* = level * (prng.random().floatNorm(f32) * 0.3 + if (hums) hum else 0);
            }
            const likely = try voices(testing.allocator, audio);
            defer testing.allocator.free(likely);
            try testing.expect(!voice.isSpoken(audio, likely));
        }
    }
    for ([_][:0]const u8{ "en-short", "zh-weather" }) |name| {
        var buffer: [99]u8 = undefined;
        const path = std.fmt.bufPrintSentinel(&buffer, "samples/fixtures/audio/{s}.wav", .{name}, 0) catch unreachable;
        const speech = try readFile(testing.allocator, path);
        defer testing.allocator.free(speech.samples);
        for (speech.samples) |*sample| sample.* *= 0.032;
        const likely = try voices(testing.allocator, speech.samples);
        defer testing.allocator.free(likely);
        try testing.expect(voice.isSpoken(speech.samples, likely));
    }
}

test "a recording in one piece, a callback that stops, a language nobody speaks" {
    const model = try Model.open(testing.allocator, .{ .folder = "samples/fixtures/nano-asr" }, .{ .threads = 2 });
    defer model.close() catch unreachable;
    const path = "samples/fixtures/audio/en-short.wav";
    var heard: Heard = .{};
    const request: Request = .{ .language = "", .context = "", .callback = Heard.add, .user = &heard };
    const text = try file(model, path, request);
    defer testing.allocator.free(text);
    try testing.expect(text.len > 0 and heard.calls > 1);
    try testing.expectEqualStrings(text, heard.text());

    heard = .{ .calls_max = 2 };
    const begun = try file(model, path, request);
    defer testing.allocator.free(begun);
    try testing.expectEqual(@as(usize, 2), heard.calls);
    try testing.expect(begun.len < text.len and std.mem.startsWith(u8, text, begun));

    var wrong = request;
    wrong.language = "Klingon";
    try testing.expectError(error.Invalid, file(model, path, wrong));
    try testing.expect(std.mem.startsWith(u8, errors.message(), "language Klingon: not one of Chinese, English"));
    try testing.expectError(error.Invalid, file(model, "no/such.wav", request));
    try testing.expectEqualStrings("no/such.wav: no such file", errors.message());
    const nothing = try samples(model, &.{}, request);
    try testing.expectEqual(@as(usize, 0), nothing.len);
}

/// Keeps what a callback gets.
const Heard = struct {
    buffer: [4096]u8 = undefined,
    length: usize = 0,
    calls: usize = 0,
    calls_max: usize = std.math.maxInt(usize),

    fn add(user: ?*anyopaque, more: [*]const u8, more_bytes: u32) callconv(.c) i32 {
        const self: *Heard = @ptrCast(@alignCast(user.?));
        @memcpy(self.buffer[self.length..][0..more_bytes], more);
        self.length += more_bytes;
        self.calls += 1;
        return @intFromBool(self.calls == self.calls_max);
    }

    fn text(self: *const Heard) []const u8 {
        return self.buffer[0..self.length];
    }
};
