//! Whether somebody speaks in a stretch of audio: the rule of what gets text, for the functions that hear whole
//! recordings.
//!
//!     samples ─► voice detector ─► a voice, perhaps one, none ─┐
//!             └► levels of bands ─► how far they move apart ───┴► yes or no
//!
//! The program's own rule is src/segment/has_voice.ts, voice.ts and tones.ts, which say why the numbers are what they
//! are; tests/has_voice.test.ts compares the two. In doubt, it is a voice.

const std = @import("std");
const errors = @import("../errors.zig");
const spectrum = @import("spectrum.zig");
const vad = @import("../network/vad.zig");
const bands = spectrum.bands;
const Levels = spectrum.Levels;
const long_samples = spectrum.long_samples;

/// Whether somebody speaks in these samples. `likely`: how likely each frame of theirs is a voice.
pub fn isSpoken(audio: []const f32, likely: []const f32) bool {
    const says = evidence(likely);
    if (says == .voice) return true;
    var judge: Judge = .{};
    var at: usize = 0;
    while (at < audio.len) : (at += piece) {
        judge.push(audio[at..@min(at + piece, audio.len)]);
        if (judge.hasVoice(says)) return true;
    }
    return false;
}

/// The same of a recording. Forgets what the detector heard before.
pub fn hears(gpa: std.mem.Allocator, detector: *vad.Vad, audio: []const f32) errors.Error!bool {
    const likely = try likelihoods(gpa, detector, audio);
    defer gpa.free(likely);
    return isSpoken(audio, likely);
}

/// How likely each frame of a recording is a voice; the caller's to free. Forgets what the detector heard before.
pub fn likelihoods(gpa: std.mem.Allocator, detector: *vad.Vad, audio: []const f32) errors.Error![]f32 {
    detector.reset();
    const count = detector.count(audio.len, true);
    const likely = gpa.alloc(f32, count) catch return errors.outOfMemory("the voice detector");
    detector.run(audio, true, likely);
    return likely;
}

/// The probabilities of the frames that touch samples `start` to `end`.
pub fn framesOf(likely: []const f32, start: usize, end: usize) []const f32 {
    return likely[start / vad.frame .. @min(likely.len, (end + vad.frame - 1) / vad.frame)];
}

// -------------------------------------------------------------------------------------- detector

/// What the detector says of a stretch as a whole: a voice, perhaps one, none found, surely none. Noise and tones make
/// it err in single frames.
const Evidence = enum { voice, perhaps, unlikely, none };

/// A frame that is not above this is none of a voice.
const doubtful_from = 0.15;
/// Where none are above this, the detector is sure.
const sure_below = 0.05;
const doubtful_frames = 2;
const voice_mean = 0.5;
/// A quarter of a second says more than a frame.
const mean_frames = 8;

fn evidence(likely: []const f32) Evidence {
    var best: f64 = 0;
    var doubtful: usize = 0;
    var unsure: usize = 0;
    for (likely, 1..) |probability, end| {
        const latest = likely[end -| mean_frames..end];
        var sum: f64 = 0;
        for (latest) |one| sum += one;
        best = @max(best, sum / @as(f64, @floatFromInt(@min(mean_frames, likely.len))));
        doubtful += @intFromBool(@as(f64, probability) > doubtful_from);
        unsure += @intFromBool(@as(f64, probability) > sure_below);
    }
    // Two decimals: more would be noise.
    if (1 - @floor((1 - @min(1, best)) * 100 + 0.5) / 100 > voice_mean) return .voice;
    if (doubtful >= doubtful_frames) return .perhaps;
    return if (unsure >= doubtful_frames) .unlikely else .none;
}

// ----------------------------------------------------------------------------------- how it moves

/// Samples between two looks at the result.
const piece = 16_384;
/// Levels of a window, 1 s, and from one window to the next.
const window_levels = 64;
const step_levels = 32;
/// A band's level is the median of so many rows: a click is gone.
const median_rows = 7;
const levels_min = 4;
const loud_quantile = 0.9;
const band_range_db = 20;
const range_db = 45;
/// So many bands must move: of two tones that beat, one does or two.
const bands_moved = 3;
/// How far the bands must move against each other, as a standard deviation in dB; of few levels; where the detector
/// says that there may be a voice; and where it is sure that there is none.
const moves_min_db = 2.1;
const levels_few = 48;
const moves_min_few_db = 1.5;
const moves_perhaps_db = 1.3;
const moves_against_db = 4;
const moves_against_few_db = 2.1;
/// A voice is not made of pure tones in half of the loud moments of a second, and for so many of them.
const other_share_min = 0.5;
const other_levels_min = 8;
const loud_range_db = 20;
/// Rows that are remembered: those of a window, and those for its medians.
const rows_kept = 128;

/// Listens to one stretch of audio, in pieces of any size.
const Judge = struct {
    /// The latest samples, as many as a long frame has, the oldest first.
    samples: [long_samples]f64 = undefined,
    filled: usize = 0,
    /// Of the next frame, those that are there.
    pending: usize = 0,
    /// The latest rows, for the medians, and the latest of the bands' levels; both with the oldest first.
    rows: [median_rows]Levels = undefined,
    rows_count: usize = 0,
    levels: [window_levels]Levels = undefined,
    levels_count: usize = 0,
    /// Of each row, by its number: how loud it is, and whether it is made of tones.
    loudness_db: [rows_kept]f64 = undefined,
    is_of_tones: [rows_kept]bool = undefined,
    moves_db: f64 = 0,

    fn hasVoice(self: *const Judge, says: Evidence) bool {
        if (says == .voice) return true;
        const few = self.levels_count < levels_few;
        const least: f64 = switch (says) {
            .voice => unreachable,
            .perhaps => moves_perhaps_db,
            .unlikely => if (few) moves_min_few_db else moves_min_db,
            .none => if (few) moves_against_few_db else moves_against_db,
        };
        return self.movesDb() >= least;
    }

    /// How far the bands have moved in any window so far that is not made of tones; the latest samples make one, too.
    fn movesDb(self: *const Judge) f64 {
        if (self.isOfTones()) return self.moves_db;
        return @max(self.moves_db, movesOf(self.levels[0..self.windowLevels()]));
    }

    fn windowLevels(self: *const Judge) usize {
        return @min(window_levels, self.levels_count);
    }

    /// Whether most of what is loud in the window of the latest samples is made of tones.
    fn isOfTones(self: *const Judge) bool {
        const count = self.windowLevels();
        const first = self.levels_count - count + median_rows / 2; // A level stands for the row in the middle.
        var loudest: f64 = -std.math.inf(f64);
        for (first..first + count) |row| loudest = @max(loudest, self.loudness_db[row % rows_kept]);
        var loud: f64 = 0;
        var others: f64 = 0;
        for (first..first + count) |row| {
            if (!(self.loudness_db[row % rows_kept] >= loudest - loud_range_db)) continue;
            loud += 1;
            if (!self.is_of_tones[row % rows_kept]) others += 1;
        }
        const least = @min(other_levels_min, @as(f64, @floatFromInt(count)) / 2);
        return others < least or others < other_share_min * loud;
    }

    fn push(self: *Judge, samples: []const f32) void {
        var left = samples;
        while (left.len > 0) {
            const taken = @min(spectrum.frame_samples - self.pending, left.len);
            const over = self.filled + taken -| long_samples;
            std.mem.copyForwards(f64, self.samples[0 .. self.filled - over], self.samples[over..self.filled]);
            self.filled -= over;
            for (self.samples[self.filled..][0..taken], left[0..taken]) |*to, sample| to.* = sample;
            self.filled += taken;
            self.pending += taken;
            left = left[taken..];
            if (self.pending < spectrum.frame_samples) return;
            self.pending = spectrum.frame_samples - spectrum.hop_samples;
            self.look();
        }
    }

    /// At a frame, and at a long one, which tells of the four before the last one.
    fn look(self: *Judge) void {
        const size = spectrum.frame_samples;
        const power = spectrum.powerOf(size, self.samples[self.filled - size ..][0..size]);
        const row = spectrum.levelsOf(&power);
        self.loudness_db[self.rows_count % rows_kept] = sumDb(&row);
        self.is_of_tones[self.rows_count % rows_kept] = spectrum.isOfTones(size, &power);
        const end = self.rows_count;
        append(&self.rows, &self.rows_count, row);
        if (self.filled == long_samples and self.rows_count % spectrum.frames_per_long == 0) {
            if (spectrum.isOfTones(long_samples, &spectrum.powerOf(long_samples, &self.samples))) {
                for (end - spectrum.frames_per_long..end) |before| self.is_of_tones[before % rows_kept] = true;
            }
        }
        if (self.rows_count < median_rows) return;
        append(&self.levels, &self.levels_count, mediansOf(&self.rows));
        const is_window = self.levels_count >= window_levels and self.levels_count % step_levels == 0;
        if (is_window) self.moves_db = self.movesDb();
    }
};

/// Appends to the others; where there is no room, the first one is dropped. `count` goes on.
fn append(rows: []Levels, count: *usize, row: Levels) void {
    if (count.* >= rows.len) std.mem.copyForwards(Levels, rows[0 .. rows.len - 1], rows[1..]);
    rows[@min(count.*, rows.len - 1)] = row;
    count.* += 1;
}

fn mediansOf(rows: *const [median_rows]Levels) Levels {
    var medians: Levels = undefined;
    for (&medians, 0..) |*to, band| {
        var own: [median_rows]f64 = undefined;
        for (&own, rows) |*one, row| one.* = row[band];
        to.* = median(&own);
    }
    return medians;
}

/// A band's levels over a window.
const Course = [window_levels]f64;

/// How far the bands move against each other, in dB. What one drift explains, or one step at one time, does not count:
/// a hum may fade in or begin.
fn movesOf(levels: []const Levels) f64 {
    if (levels.len < levels_min) return 0;
    var courses: [bands]Course = undefined;
    apart(levels, &courses);
    var drifts: Levels = undefined;
    for (&drifts, &courses) |*drift, *course| drift.* = squaresOfDrift(course[0..levels.len]);
    const steps = squaresOfStep(&courses, levels.len);
    return @min(moves(&courses, levels.len, &drifts), moves(&courses, levels.len, &steps));
}

fn moves(courses: *const [bands]Course, count: usize, explained: *const Levels) f64 {
    var left: Levels = undefined;
    for (&left, courses, explained) |*rest, *course, part| {
        var squares: f64 = 0;
        for (course[0..count]) |level| squares += level * level;
        rest.* = @max(0, squares - part);
    }
    std.mem.sort(f64, &left, {}, std.sort.desc(f64));
    return @sqrt(left[bands_moved - 1] / @as(f64, @floatFromInt(count)));
}

/// The course of every band around its mean, less what the bands have in common.
fn apart(levels: []const Levels, courses: *[bands]Course) void {
    var loudest: f64 = -std.math.inf(f64);
    for (levels) |*level| loudest = @max(loudest, sumDb(level));
    for (courses, 0..) |*course, band| {
        var own: Course = undefined;
        for (own[0..levels.len], levels) |*to, level| to.* = level[band];
        raise(own[0..levels.len], loudest - range_db);
        smooth(own[0..levels.len], course[0..levels.len]);
        centre(course[0..levels.len]);
    }
    for (0..levels.len) |at| {
        var moment: Levels = undefined;
        for (&moment, courses) |*to, *course| to.* = course[at];
        const common = median(&moment);
        for (courses) |*course| course[at] -= common;
    }
    for (courses) |*course| centre(course[0..levels.len]);
}

/// Lifts the levels of a band to the lowest that is told from silence.
fn raise(levels: []f64, floor_db: f64) void {
    var sorted: Course = undefined;
    @memcpy(sorted[0..levels.len], levels);
    std.mem.sort(f64, sorted[0..levels.len], {}, std.sort.asc(f64));
    const place: usize = @intFromFloat(loud_quantile * @as(f64, @floatFromInt(levels.len - 1)));
    const lowest = @max(floor_db, sorted[place] - band_range_db);
    for (levels) |*level| level.* = @max(level.*, lowest);
}

/// Each level averaged with its two neighbours.
fn smooth(levels: []const f64, out: []f64) void {
    const last = levels.len - 1;
    for (out, levels, 0..) |*to, level, at| to.* = (levels[at -| 1] + level + levels[@min(last, at + 1)]) / 3;
}

fn centre(levels: []f64) void {
    var sum: f64 = 0;
    for (levels) |level| sum += level;
    const mean = sum / @as(f64, @floatFromInt(levels.len));
    for (levels) |*level| level.* -= mean;
}

/// The part of a band's sum of squares that a straight line explains.
fn squaresOfDrift(course: []const f64) f64 {
    var slope: f64 = 0;
    var spread: f64 = 0;
    for (course, 0..) |level, at| {
        const place = @as(f64, @floatFromInt(at)) - @as(f64, @floatFromInt(course.len - 1)) / 2;
        slope += level * place;
        spread += place * place;
    }
    return slope * slope / spread;
}

/// The part of each band's sum of squares that a step explains, at the place where it explains most of all bands.
fn squaresOfStep(courses: *const [bands]Course, count: usize) Levels {
    var sums: Levels = @splat(0);
    var best: Levels = @splat(0);
    var most: f64 = -1;
    const length: f64 = @floatFromInt(count);
    for (1..count) |at| {
        const place: f64 = @floatFromInt(at);
        var explained: Levels = undefined;
        var all: f64 = 0;
        for (&sums, courses, &explained) |*sum, *course, *to| {
            sum.* += course[at - 1];
            to.* = sum.* * sum.* * length / (place * (length - place));
            all += to.*;
        }
        if (all > most) {
            most = all;
            best = explained;
        }
    }
    return best;
}

fn sumDb(levels: *const Levels) f64 {
    var power: f64 = 0;
    for (levels) |level| power += std.math.pow(f64, 10, level / 10);
    return 10 * std.math.log10(power);
}

/// The median; of an even number of values the upper of the two in the middle. Sorts the values.
fn median(values: []f64) f64 {
    std.mem.sort(f64, values, {}, std.sort.asc(f64));
    return values[values.len / 2];
}

// ----------------------------------------------------------------------------------------- tests

const testing = std.testing;

test "what the detector says: a quarter of a second, two doubtful frames, nothing" {
    try testing.expectEqual(Evidence.none, evidence(&.{}));
    try testing.expectEqual(Evidence.unlikely, evidence(&.{ 0.1, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1 }));
    try testing.expectEqual(Evidence.none, evidence(&.{ 0.04, 0.9, 0.04, 0.04, 0.04, 0.04, 0.04, 0.04, 0.04 }));
    try testing.expectEqual(Evidence.perhaps, evidence(&.{ 0.1, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.1 }));
    try testing.expectEqual(Evidence.voice, evidence(&([_]f32{0} ** 20 ++ [_]f32{0.6} ** 8 ++ [_]f32{0} ** 20)));
    try testing.expectEqual(Evidence.voice, evidence(&.{ 0.6, 0.6 })); // Less than a quarter of a second.
    try testing.expectEqual(Evidence.perhaps, evidence(&.{ 0.5, 0.5 }));
}

test "bands that change one after the other move, noise whose level changes does not" {
    var prng = std.Random.DefaultPrng.init(3);
    var samples: [3 * 16_000]f32 = undefined;
    for ([_]bool{ false, true }) |speaks| {
        var judge: Judge = .{};
        for (&samples, 0..) |*sample, i| {
            const time = @as(f32, @floatFromInt(i)) / 16_000;
            const level = 0.5 + 0.4 * @sin(time * 20);
            var tone: f32 = 0;
            for ([_][2]f32{ .{ 700, 9 }, .{ 1300, 14 }, .{ 2200, 19 } }) |wave| {
                tone += @sin(std.math.tau * wave[0] * time) * @sin(wave[1] * time);
            }
            sample.* = 0.1 * level * (prng.random().floatNorm(f32) + if (speaks) 3 * tone else 0);
        }
        judge.push(&samples);
        try testing.expectEqual(speaks, judge.hasVoice(.unlikely));
        try testing.expect(judge.hasVoice(.voice));
    }
}
