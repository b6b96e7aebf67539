//! Reads a checkpoint's config.json into the dimensions the engine works with.
//!
//! In: the JSON, in the original layout (`thinker_config.audio_config`, `.text_config`) or the
//! flattened one of `-hf` checkpoints, where some fields have other names. Out: a `Config`, every
//! number in a range that keeps products of dimensions far from overflow, and every relation the
//! arithmetic relies on checked. A field that is missing is an error that names it: the defaults of
//! the official classes are not those of the checkpoints.

const std = @import("std");
const errors = @import("../errors.zig");
const files = @import("files.zig");

const Allocator = std.mem.Allocator;
const Error = errors.Error;
const fail = errors.fail;
const quote = files.quote;
const Value = std.json.Value;

const json_bytes_max = 16 << 20; // Real ones have a few kB.

pub const Kind = enum { asr, aligner };

pub const Audio = struct {
    mel_bins: u32,
    d_model: u32,
    layers: u32,
    heads: u32,
    ffn: u32,
    output_dim: u32, // The decoder's width.
    conv_channels: u32,
    chunk_frames: u32, // Mel frames the conv stem sees at once.
    window_frames: u32, // Mel frames that attend to each other.
};

pub const Text = struct {
    vocab: u32, // Rows of the embedding; the last have no token.
    hidden: u32,
    ffn: u32,
    layers: u32,
    heads: u32,
    kv_heads: u32,
    head_dim: u32, // Not hidden / heads.
    rms_eps: f32,
    rope_theta: f64,
    positions_max: u32,
    tied: bool, // The head is the embedding. Always false for the aligner.
    tied_stated: bool, // False where the file says neither: then a stored head counts.
};

pub const Config = struct {
    kind: Kind,
    audio: Audio,
    text: Text,
    classes: u32, // Of the aligner's head; 0 for ASR.
    timestamp_segment_ms: u32, // Of one class; 0 for ASR.
    // Names as the prompt wants them; empty where the file has no list.
    languages: []const []const u8,
};

/// `path` is for messages. What is returned lives in `arena`.
pub fn parse(arena: Allocator, path: []const u8, json: []const u8) Error!Config {
    return parseAny(arena, path, json) catch |reason| switch (reason) {
        error.OutOfMemory => errors.outOfMemory("config.json"),
        else => reason,
    };
}

fn parseAny(arena: Allocator, path: []const u8, json: []const u8) Error!Config {
    if (json.len > json_bytes_max) return fail(error.Model, "{s}: too large for a config", .{path});
    const parsed = std.json.parseFromSliceLeaky(Value, arena, json, .{});
    const value = parsed catch |reason| switch (reason) {
        error.OutOfMemory => return error.OutOfMemory,
        error.DuplicateField => return fail(error.Model, "{s}: a field is there twice", .{path}),
        else => return fail(error.Model, "{s}: is not valid JSON", .{path}),
    };
    if (value != .object) return fail(error.Model, "{s}: is not a JSON object", .{path});
    const root: Section = .{ .path = path, .prefix = "", .object = value.object };
    try checkModelType(root);
    const original = root.get("thinker_config") != null;
    const thinker = if (original) try root.section(arena, "thinker_config") else root;
    const audio_section = try thinker.section(arena, "audio_config");
    const text_section = try thinker.section(arena, "text_config");
    const kind = readKind(root, thinker, original);

    var text = try readText(text_section);
    readTied(&text, kind, &.{ text_section, thinker, root });
    return .{
        .kind = kind,
        .audio = try readAudio(audio_section, text.hidden),
        .text = text,
        .classes = if (kind == .asr) 0 else try readClasses(thinker),
        .timestamp_segment_ms = if (kind == .asr) 0 else try readSegment(root, original),
        .languages = try readLanguages(arena, root),
    };
}

/// Says early that the folder has another kind of model in it.
fn checkModelType(root: Section) Error!void {
    const value = root.get("model_type") orelse return root.missing("model_type");
    if (value == .string and std.mem.startsWith(u8, value.string, "qwen3_asr")) return;
    if (value == .string and std.mem.startsWith(u8, value.string, "qwen3_forced_aligner")) return;
    const text = if (value == .string) value.string else "?";
    return fail(
        error.Model,
        "{s}: model_type \"{f}\" is not a Qwen3-ASR model",
        .{ root.path, quote(text) },
    );
}

/// Original files say it in the thinker's model_type, flattened ones in the model type or the
/// architecture's name.
fn readKind(root: Section, thinker: Section, original: bool) Kind {
    if (thinker.contains("model_type", "forced_aligner")) return .aligner;
    if (original) return .asr;
    const architectures = root.get("architectures") orelse return .asr;
    if (architectures != .array) return .asr;
    for (architectures.array.items) |item| {
        if (item != .string) continue;
        if (std.mem.indexOf(u8, item.string, "TokenClassification") != null) return .aligner;
        if (std.mem.indexOf(u8, item.string, "ForcedAlign") != null) return .aligner;
    }
    return .asr;
}

fn readAudio(s: Section, hidden: u32) Error!Audio {
    const audio: Audio = .{
        .mel_bins = try s.number(&.{"num_mel_bins"}, 1, 1024),
        .d_model = try s.number(&.{ "d_model", "hidden_size" }, 2, 16384),
        .layers = try s.number(&.{ "encoder_layers", "num_hidden_layers" }, 1, 512),
        .heads = try s.number(&.{ "encoder_attention_heads", "num_attention_heads" }, 1, 1024),
        .ffn = try s.number(&.{ "encoder_ffn_dim", "intermediate_size" }, 1, 131072),
        .output_dim = try s.number(&.{"output_dim"}, 1, 16384),
        .conv_channels = try s.number(&.{"downsample_hidden_size"}, 1, 8192),
        .chunk_frames = 2 * try s.number(&.{"n_window"}, 1, 10000),
        .window_frames = try s.number(&.{"n_window_infer"}, 1, 1_000_000),
    };
    if (audio.mel_bins != 128) {
        return s.bad("num_mel_bins", "is {d}; only 128 is supported", .{audio.mel_bins});
    }
    // The token count of a clip, 13 per 100 frames, is fixed in the official code too.
    if (audio.chunk_frames != 100) {
        return s.bad("n_window", "is {d}; only 50 is supported", .{audio.chunk_frames / 2});
    }
    if (audio.window_frames % audio.chunk_frames != 0) {
        return s.bad(
            "n_window_infer",
            "is {d}, not a multiple of {d}",
            .{ audio.window_frames, audio.chunk_frames },
        );
    }
    if (audio.d_model % audio.heads != 0) {
        return s.bad(
            "d_model",
            "is {d}, which {d} heads do not divide",
            .{ audio.d_model, audio.heads },
        );
    }
    if (audio.d_model % 2 != 0) return s.bad("d_model", "is {d}, an odd number", .{audio.d_model});
    if (audio.output_dim != hidden) {
        return s.bad(
            "output_dim",
            "is {d}, the decoder's hidden_size {d}",
            .{ audio.output_dim, hidden },
        );
    }
    try s.word(&.{ "activation_function", "hidden_act" }, "gelu");
    return audio;
}

fn readText(s: Section) Error!Text {
    const text: Text = .{
        .vocab = try s.number(&.{"vocab_size"}, 1, 1 << 22),
        .hidden = try s.number(&.{"hidden_size"}, 1, 16384),
        .ffn = try s.number(&.{"intermediate_size"}, 1, 131072),
        .layers = try s.number(&.{"num_hidden_layers"}, 1, 512),
        .heads = try s.number(&.{"num_attention_heads"}, 1, 1024),
        .kv_heads = try s.number(&.{"num_key_value_heads"}, 1, 1024),
        .head_dim = try s.number(&.{"head_dim"}, 2, 1024),
        .rms_eps = @floatCast(try s.real("rms_norm_eps", 1e-12, 1e-2)),
        .rope_theta = try readRope(s),
        .positions_max = try s.number(&.{"max_position_embeddings"}, 1, 1 << 24),
        .tied = false,
        .tied_stated = false,
    };
    if (text.heads % text.kv_heads != 0) {
        return s.bad("num_attention_heads", "is {d}, not a multiple of {d} key-value heads", .{
            text.heads, text.kv_heads,
        });
    }
    if (text.head_dim % 2 != 0) return s.bad("head_dim", "is {d}, an odd number", .{text.head_dim});
    try s.word(&.{"hidden_act"}, "silu");
    // These two are switches for what these models do not have; leaving them out means off.
    try s.off("attention_bias");
    try s.off("use_sliding_window");
    return text;
}

/// The base of the rotary embedding: beside the other fields, or among the rope's own in newer
/// files. Every scaling but "default" would need other arithmetic ("mrope" is the older name of the
/// same).
fn readRope(s: Section) Error!f64 {
    const names = [_][]const u8{ "rope_parameters", "rope_scaling" };
    var theta: ?f64 = null;
    for (names) |name| {
        const value = s.get(name) orelse continue;
        if (value == .null) continue;
        if (value != .object) return s.bad(name, "is not an object", .{});
        const rope: Section = .{
            .path = s.path,
            .prefix = s.prefix,
            .inner = name,
            .object = value.object,
        };
        for ([_][]const u8{ "rope_type", "type" }) |key| {
            const given = rope.get(key) orelse continue;
            const known = given == .string and
                (std.mem.eql(u8, given.string, "default") or
                    std.mem.eql(u8, given.string, "mrope"));
            if (!known) return rope.bad(key, "is not \"default\"", .{});
        }
        if (rope.get("partial_rotary_factor") != null) {
            if (try rope.real("partial_rotary_factor", 0, 1) != 1) {
                return rope.bad("partial_rotary_factor", "is not 1", .{});
            }
        }
        if (theta == null and rope.get("rope_theta") != null)
            theta = try rope.real("rope_theta", 1, 1e12);
    }
    if (s.get("rope_theta") != null) return s.real("rope_theta", 1, 1e12);
    return theta orelse s.missing("rope_theta");
}

/// The flag stands at whichever level wrote it last, the innermost counts. Newer files leave it
/// out: then what is stored decides. The aligner's head has a row per class, not per token, so it
/// cannot be the embedding.
fn readTied(text: *Text, kind: Kind, sections: []const Section) void {
    if (kind == .aligner) {
        text.tied_stated = true;
        return;
    }
    for (sections) |s| {
        const value = s.get("tie_word_embeddings") orelse continue;
        if (value != .bool) continue;
        text.tied = value.bool;
        text.tied_stated = true;
        return;
    }
}

fn readClasses(thinker: Section) Error!u32 {
    const names = [_][]const u8{ "classify_num", "num_labels" };
    for (names) |name| {
        if (thinker.get(name) != null) return thinker.number(&names, 1, 1 << 20);
    }
    // Transformers writes the number of labels as a table of their names.
    if (thinker.get("id2label")) |labels| {
        if (labels == .object and labels.object.count() > 0) {
            return std.math.cast(u32, labels.object.count()) orelse
                thinker.bad("id2label", "has too many entries", .{});
        }
    }
    return thinker.missing("classify_num");
}

/// Milliseconds per class. Only the flattened layout may leave it out: Transformers moved it to the
/// processor, where 80 is the constant of the one aligner there is.
fn readSegment(root: Section, original: bool) Error!u32 {
    if (!original and root.get("timestamp_segment_time") == null) return 80;
    const value = try root.real("timestamp_segment_time", 1, 10_000);
    if (value != @floor(value)) return root.bad(
        "timestamp_segment_time",
        "is {d}, not whole",
        .{value},
    );
    return @intFromFloat(value);
}

/// Optional: `-hf` files do not have it.
fn readLanguages(arena: Allocator, root: Section) Error![]const []const u8 {
    const value = root.get("support_languages") orelse return &.{};
    if (value == .null) return &.{};
    if (value != .array) return root.bad("support_languages", "is not a list", .{});
    const languages = try arena.alloc([]const u8, value.array.items.len);
    for (languages, value.array.items) |*language, item| {
        if (item != .string or item.string.len == 0 or item.string.len > 64) {
            return root.bad("support_languages", "has an entry that is no name", .{});
        }
        language.* = item.string;
    }
    return languages;
}

/// One object of the file, and what it is called in messages.
const Section = struct {
    path: []const u8,
    prefix: []const u8, // "thinker_config.text_config." or empty.
    inner: []const u8 = "", // One more level below.
    object: std.json.ObjectMap,

    fn get(self: *const Section, name: []const u8) ?Value {
        return self.object.get(name);
    }

    fn contains(self: *const Section, name: []const u8, part: []const u8) bool {
        const value = self.get(name) orelse return false;
        return value == .string and std.mem.indexOf(u8, value.string, part) != null;
    }

    fn bad(
        self: *const Section,
        name: []const u8,
        comptime format: []const u8,
        arguments: anytype,
    ) Error {
        const dot = if (self.inner.len > 0) "." else "";
        const front = .{ self.path, self.prefix, self.inner, dot, name };
        return fail(error.Model, "{s}: {s}{s}{s}{s} " ++ format, front ++ arguments);
    }

    fn missing(self: *const Section, name: []const u8) Error {
        return self.bad(name, "is missing", .{});
    }

    fn section(self: *const Section, arena: Allocator, name: []const u8) Error!Section {
        const value = self.get(name) orelse return self.missing(name);
        if (value != .object) return self.bad(name, "is not an object", .{});
        const prefix = try std.mem.concat(arena, u8, &.{ self.prefix, name, "." });
        return .{ .path = self.path, .prefix = prefix, .object = value.object };
    }

    /// The first of `names` that is there; messages use the first where none is.
    fn pick(self: *const Section, names: []const []const u8) Error!struct { []const u8, Value } {
        for (names) |name| {
            if (self.get(name)) |value| return .{ name, value };
        }
        return self.missing(names[0]);
    }

    fn number(self: *const Section, names: []const []const u8, min: u32, max: u32) Error!u32 {
        const name, const value = try self.pick(names);
        if (value != .integer) return self.bad(name, "is not a whole number", .{});
        if (value.integer < min or value.integer > max) {
            return self.bad(name, "is {d}, outside {d} to {d}", .{ value.integer, min, max });
        }
        return @intCast(value.integer);
    }

    fn real(self: *const Section, name: []const u8, min: f64, max: f64) Error!f64 {
        const value: f64 = switch (self.get(name) orelse return self.missing(name)) {
            .integer => |integer| @floatFromInt(integer),
            .float => |float| float,
            else => return self.bad(name, "is not a number", .{}),
        };
        if (!(value >= min and value <= max)) {
            return self.bad(name, "is {d}, outside {d} to {d}", .{ value, min, max });
        }
        return value;
    }

    fn word(
        self: *const Section,
        names: []const []const u8,
        comptime wanted: []const u8,
    ) Error!void {
        const name, const value = try self.pick(names);
        if (value == .string and std.mem.eql(u8, value.string, wanted)) return;
        return self.bad(name, "is not \"" ++ wanted ++ "\"", .{});
    }

    fn off(self: *const Section, name: []const u8) Error!void {
        const value = self.get(name) orelse return;
        if (value == .null or (value == .bool and !value.bool)) return;
        return self.bad(name, "is set; only models without it are supported", .{});
    }
};

// ----------------------------------------------------------------------------------------- tests

const testing = std.testing;

/// A small config in the original layout, valid as it is.
pub const test_original =
    \\{"model_type":"qwen3_asr","support_languages":["English","Chinese"],
    \\"thinker_config":{"model_type":"qwen3_asr","audio_config":{"num_mel_bins":128,"d_model":8,
    \\"encoder_layers":1,"encoder_attention_heads":2,"encoder_ffn_dim":6,"output_dim":4,
    \\"n_window":50,"n_window_infer":800,"downsample_hidden_size":2,"activation_function":"gelu"},
    \\"text_config":{"vocab_size":10,"hidden_size":4,"intermediate_size":6,"num_hidden_layers":1,
    \\"num_attention_heads":2,"num_key_value_heads":1,"head_dim":2,"hidden_act":"silu",
    \\"max_position_embeddings":64,"rms_norm_eps":1e-06,"rope_theta":1000000,
    \\"rope_scaling":{"rope_type":"default","mrope_section":[24,20,20]},"attention_bias":false,
    \\"tie_word_embeddings":true}}}
;

/// The same model in the flattened layout.
pub const test_flattened =
    \\{"model_type":"qwen3_asr","architectures":["Qwen3ASRForConditionalGeneration"],
    \\"audio_config":{"num_mel_bins":128,"hidden_size":8,"num_hidden_layers":1,
    \\"num_attention_heads":2,"num_key_value_heads":2,"intermediate_size":6,"output_dim":4,
    \\"n_window":50,"n_window_infer":800,"downsample_hidden_size":2,"activation_function":"gelu",
    \\"max_position_embeddings":13},"text_config":{"vocab_size":10,"hidden_size":4,
    \\"intermediate_size":6,"num_hidden_layers":1,"num_attention_heads":2,"num_key_value_heads":1,
    \\"head_dim":2,"hidden_act":"silu","max_position_embeddings":64,"rms_norm_eps":1e-06,
    \\"use_sliding_window":false,"rope_parameters":{"rope_theta":1000000.0,
    \\"rope_type":"default"}},"tie_word_embeddings":true}
;

fn expectRefused(arena: Allocator, json: []const u8, message: []const u8) !void {
    try testing.expectError(error.Model, parse(arena, "D/config.json", json));
    try testing.expectEqualStrings(message, errors.message());
}

/// `test_original` with one piece of its text replaced.
fn changed(arena: Allocator, from: []const u8, to: []const u8) ![]u8 {
    try testing.expect(std.mem.indexOf(u8, test_original, from) != null);
    return std.mem.replaceOwned(u8, arena, test_original, from, to);
}

test "both layouts give the same dimensions" {
    var arena_state = std.heap.ArenaAllocator.init(testing.allocator);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    const original = try parse(arena, "config.json", test_original);
    const flattened = try parse(arena, "config.json", test_flattened);
    try testing.expectEqual(original.audio, flattened.audio);
    try testing.expectEqual(original.text, flattened.text);
    try testing.expectEqual(Kind.asr, flattened.kind);
    try testing.expectEqual(Audio{
        .mel_bins = 128,
        .d_model = 8,
        .layers = 1,
        .heads = 2,
        .ffn = 6,
        .output_dim = 4,
        .conv_channels = 2,
        .chunk_frames = 100,
        .window_frames = 800,
    }, original.audio);
    try testing.expectEqual(@as(f64, 1e6), original.text.rope_theta);
    try testing.expectEqual(@as(f32, 1e-6), original.text.rms_eps);
    try testing.expect(original.text.tied and original.text.tied_stated);
    try testing.expectEqualStrings("Chinese", original.languages[1]);
    try testing.expectEqual(0, flattened.languages.len);
}

test "every field that is needed is missed by name" {
    var arena_state = std.heap.ArenaAllocator.init(testing.allocator);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    const audio = "D/config.json: thinker_config.audio_config.";
    const text = "D/config.json: thinker_config.text_config.";
    const cases = [_][2][]const u8{
        .{ "num_mel_bins", audio },                           .{ "d_model", audio },
        .{ "encoder_layers", audio },                         .{ "encoder_attention_heads", audio },
        .{ "encoder_ffn_dim", audio },                        .{ "output_dim", audio },
        .{ "n_window", audio },                               .{ "n_window_infer", audio },
        .{ "downsample_hidden_size", audio },                 .{ "activation_function", audio },
        .{ "vocab_size", text },                              .{ "hidden_size", text },
        .{ "intermediate_size", text },                       .{ "num_hidden_layers", text },
        .{ "num_attention_heads", text },                     .{ "num_key_value_heads", text },
        .{ "head_dim", text },                                .{ "hidden_act", text },
        .{ "max_position_embeddings", text },                 .{ "rms_norm_eps", text },
        .{ "rope_theta", text },
        .{
            "audio_config",
            "D/config.json: thinker_config.",
        },
        .{ "text_config", "D/config.json: thinker_config." },
    };
    for (cases) |case| {
        const field = try std.fmt.allocPrint(arena, "\"{s}\":", .{case[0]});
        const json = try changed(arena, field, "\"renamed\":");
        const message = try std.fmt.allocPrint(arena, "{s}{s} is missing", .{ case[1], case[0] });
        try expectRefused(arena, json, message);
    }
    try expectRefused(
        arena,
        "{\"model_type\":\"qwen3_asr\"}",
        "D/config.json: audio_config is missing",
    );
}

test "values out of range and relations that do not hold" {
    var arena_state = std.heap.ArenaAllocator.init(testing.allocator);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    const audio = "D/config.json: thinker_config.audio_config.";
    const text = "D/config.json: thinker_config.text_config.";
    const cases = [_][3][]const u8{
        .{ "\"d_model\":8", "\"d_model\":0", audio ++ "d_model is 0, outside 2 to 16384" },
        .{ "\"d_model\":8", "\"d_model\":\"8\"", audio ++ "d_model is not a whole number" },
        .{ "\"d_model\":8", "\"d_model\":8.5", audio ++ "d_model is not a whole number" },
        .{ "\"d_model\":8", "\"d_model\":1e99999", audio ++ "d_model is not a whole number" },
        .{
            "\"d_model\":8",
            "\"d_model\":99999999999999999999",
            audio ++ "d_model is not a whole number",
        },
        .{ "\"d_model\":8", "\"d_model\":null", audio ++ "d_model is not a whole number" },
        .{ "\"d_model\":8", "\"d_model\":9", audio ++ "d_model is 9, which 2 heads do not divide" },
        .{
            "\"num_mel_bins\":128",
            "\"num_mel_bins\":80",
            audio ++ "num_mel_bins is 80; only 128 is supported",
        },
        .{
            "\"n_window\":50",
            "\"n_window\":100",
            audio ++ "n_window is 100; only 50 is supported",
        },
        .{ ":800", ":850", audio ++ "n_window_infer is 850, not a multiple of 100" },
        .{
            "\"output_dim\":4",
            "\"output_dim\":8",
            audio ++ "output_dim is 8, the decoder's hidden_size 4",
        },
        .{ "\"gelu\"", "\"relu\"", audio ++ "activation_function is not \"gelu\"" },
        .{ "\"silu\"", "7", text ++ "hidden_act is not \"silu\"" },
        .{ "\"head_dim\":2", "\"head_dim\":3", text ++ "head_dim is 3, an odd number" },
        .{
            "\"num_key_value_heads\":1",
            "\"num_key_value_heads\":3",
            text ++ "num_attention_heads is 2, not a multiple of 3 key-value heads",
        },
        .{
            "\"vocab_size\":10",
            "\"vocab_size\":-1",
            text ++ "vocab_size is -1, outside 1 to 4194304",
        },
        .{ "1e-06", "0", text ++ "rms_norm_eps is 0, outside 0.000000000001 to 0.01" },
        .{ ":1000000,", ":1e999,", text ++ "rope_theta is not a number" },
        .{ "\"default\"", "\"yarn\"", text ++ "rope_scaling.rope_type is not \"default\"" },
        .{ "\"attention_bias\":false", "\"attention_bias\":true", text ++
            "attention_bias is set; only models without it are supported" },
        .{ "\"qwen3_asr\",\"supp", "\"whisper\",\"supp", "D/config.json: model_type " ++
            "\"whisper\" is not a Qwen3-ASR model" },
        .{
            "\"d_model\":8",
            "\"d_model\":8,\"d_model\":8",
            "D/config.json: a field is there twice",
        },
        .{ "[\"English\"", "[3", "D/config.json: support_languages has an entry that is no name" },
    };
    for (cases) |case| try expectRefused(arena, try changed(arena, case[0], case[1]), case[2]);
    for ([_][]const u8{ "", "{", "nul", "{\"a\":\"\\", "\xff", "{}{}" }) |json| {
        try expectRefused(arena, json, "D/config.json: is not valid JSON");
    }
    try expectRefused(arena, "[]", "D/config.json: is not a JSON object");
    for (0..test_original.len) |length| {
        try testing.expectError(error.Model, parse(arena, "config.json", test_original[0..length]));
    }
}

test "the aligner has classes and their length, in both layouts" {
    var arena_state = std.heap.ArenaAllocator.init(testing.allocator);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    const thinker = "thinker_config\":{\"model_type\":\"qwen3_asr\"";
    const aligner = "thinker_config\":{\"model_type\":\"qwen3_forced_aligner\"";
    try expectRefused(
        arena,
        try changed(arena, thinker, aligner),
        "D/config.json: thinker_config.classify_num is missing",
    );
    const front = "\"timestamp_segment_time\":80,\"" ++ aligner ++ ",\"classify_num\":5000";
    const config = try parse(arena, "config.json", try changed(arena, "\"" ++ thinker, front));
    try testing.expectEqual(Kind.aligner, config.kind);
    try testing.expectEqual(5000, config.classes);
    try testing.expectEqual(80, config.timestamp_segment_ms);
    try testing.expect(!config.text.tied); // Though the flag is true.

    const flattened = try std.mem.replaceOwned(
        u8,
        arena,
        test_flattened,
        "ForConditionalGeneration\"]",
        "ForTokenClassification\"],\"num_labels\":7",
    );
    const other = try parse(arena, "config.json", flattened);
    try testing.expectEqual(Kind.aligner, other.kind);
    try testing.expectEqual(7, other.classes);
    try testing.expectEqual(80, other.timestamp_segment_ms);
}

test "the fixtures' configs" {
    try expectFixture("nano-asr", .asr, 151936);
    try expectFixture("nano-aligner", .aligner, 152064);
}

fn expectFixture(name: []const u8, kind: Kind, vocab: u32) !void {
    var arena_state = std.heap.ArenaAllocator.init(testing.allocator);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    var source = try files.testFolder(arena, name);
    defer source.close();
    const config = try parse(arena, "config.json", (try source.get("config.json")).?);
    try testing.expectEqual(kind, config.kind);
    try testing.expectEqual(vocab, config.text.vocab);
    try testing.expectEqual(@as(u32, if (kind == .asr) 0 else 5000), config.classes);
    try testing.expectEqual(kind == .asr, config.text.tied);
}
