//! Hostile input for the tokenizer: damaged files, then text of any bytes. Run by zig/fuzz.zig.
//!
//! Every input either fails with error.Model and one printable line, or makes a tokenizer whose
//! tokens' bytes, put together, are the text that was encoded. Never more than `memory_max` bytes
//! at a time, and none left over. Ends with counts; a broken promise ends it at once, with the
//! input's number and seed.

const std = @import("std");
const errors = @import("../errors.zig");
const tokenizer_ = @import("tokenizer.zig");
const Tokenizer = tokenizer_.Tokenizer;

const memory_max = 40 << 20; // A million ids take 8 MiB, 20 while their list grows.

/// Counts what is live, and refuses what goes beyond `memory_max`.
const Limited = struct {
    live: usize = 0,
    refused: bool = false,

    const inner = std.heap.c_allocator;

    fn allocator(self: *Limited) std.mem.Allocator {
        return .{ .ptr = self, .vtable = &.{
            .alloc = alloc,
            .resize = std.mem.Allocator.noResize,
            .remap = std.mem.Allocator.noRemap,
            .free = free,
        } };
    }

    fn alloc(context: *anyopaque, len: usize, alignment: std.mem.Alignment, at: usize) ?[*]u8 {
        const self: *Limited = @ptrCast(@alignCast(context));
        self.refused = self.refused or self.live + len > memory_max;
        if (self.live + len > memory_max) return null;
        self.live += len;
        return inner.rawAlloc(len, alignment, at);
    }

    fn free(context: *anyopaque, memory: []u8, alignment: std.mem.Alignment, at: usize) void {
        const self: *Limited = @ptrCast(@alignCast(context));
        self.live -= memory.len;
        inner.rawFree(memory, alignment, at);
    }
};

const Counts = struct { opened: usize = 0, refused: usize = 0, texts: usize = 0, tokens: usize = 0 };

const Fuzz = struct {
    random: std.Random,
    limited: Limited = .{},
    counts: Counts = .{},
    seeds: Seeds,

    /// The undamaged files, and room for the damaged one.
    const Seeds = struct { vocab: []u8, merges: []u8, config: []u8, strings: []u8, pairs: []u8 };

    const fragments = [_][]const u8{
        "{",  "}",   "[",    "]",    "\"",   ",",     ":",       "\\",
        "\n", " ",   "\xff", "\xc4", "\x00", "\r\n",  "\u{120}", "\\u",
        "-1", "255", "1e9",  "null", "true", "a b\n", "\\ud83d", "\\ude00",
    } ++ [_][]const u8{
        "4294967296",       "1048575",         "\u{10ffff}", "#version",
        "model",            "vocab",           "merges",     "added_tokens",
        "content",          "\"id\":",         "[" ** 80,    "{\"a\":" ** 70,
        "\"lstrip\":true,", "\"type\":\"X\",",
    };

    /// One to four of: bytes changed, cut out, doubled, moved, a fragment put in, the end cut off.
    fn damaged(self: *Fuzz, allocator: std.mem.Allocator, from: []const u8) ![]u8 {
        var bytes: std.ArrayList(u8) = .empty;
        try bytes.appendSlice(allocator, from);
        for (0..if (self.random.boolean()) 1 else self.random.intRangeAtMost(usize, 2, 4)) |_| {
            const len = bytes.items.len;
            const at = self.random.uintAtMost(usize, len);
            const span = @min(len - at, self.random.uintAtMost(usize, 40));
            switch (self.random.uintLessThan(u8, 7)) {
                0, 1 => if (at < len) {
                    bytes.items[at] = self.random.int(u8);
                },
                2 => if (at < len) {
                    bytes.items[at] ^= @as(u8, 1) << self.random.int(u3);
                },
                3 => try bytes.replaceRange(allocator, at, span, ""),
                4 => {
                    const copy = try allocator.dupe(u8, bytes.items[at..][0..span]);
                    try bytes.insertSlice(allocator, self.random.uintAtMost(usize, len), copy);
                },
                5 => {
                    const which = self.random.uintLessThan(usize, fragments.len);
                    try bytes.insertSlice(allocator, at, fragments[which]);
                },
                else => if (self.random.uintLessThan(u8, 4) == 0) bytes.shrinkRetainingCapacity(at),
            }
        }
        return bytes.items;
    }

    fn files(self: *Fuzz, allocator: std.mem.Allocator) !tokenizer_.Files {
        const s = &self.seeds;
        return switch (self.random.uintLessThan(u8, 5)) {
            0 => .{ .vocab_json = try self.damaged(allocator, s.vocab), .merges_txt = s.merges },
            1 => .{ .vocab_json = s.vocab, .merges_txt = try self.damaged(allocator, s.merges) },
            2 => .{
                .vocab_json = s.vocab,
                .merges_txt = s.merges,
                .tokenizer_config_json = try self.damaged(allocator, s.config),
                .tokenizer_json = s.strings,
            },
            3 => .{ .tokenizer_json = try self.damaged(allocator, s.strings) },
            else => .{ .tokenizer_json = try self.damaged(allocator, s.pairs) },
        };
    }

    fn openOne(self: *Fuzz, arena: std.mem.Allocator) !void {
        const from = try self.files(arena);
        if (Tokenizer.init(self.limited.allocator(), "m", from)) |made| {
            var tokenizer = made;
            defer tokenizer.deinit();
            self.counts.opened += 1;
            try self.encodeOne(arena, &tokenizer, self.random.uintAtMost(usize, 60));
        } else |reason| {
            if (reason != error.Model) return error.WrongError;
            try checkSentence(errors.message());
            self.counts.refused += 1;
        }
        if (self.limited.refused) return error.TooMuchMemory;
    }

    fn checkSentence(sentence: []const u8) !void {
        if (!std.mem.startsWith(u8, sentence, "m")) return error.NoPlaceInSentence;
        for (sentence) |byte| {
            if (!std.ascii.isPrint(byte)) return error.UnprintableSentence;
        }
    }

    fn encodeOne(self: *Fuzz, arena: std.mem.Allocator, tokenizer: *const Tokenizer, len: usize) !void {
        const text = try self.someText(arena, len);
        var ids: std.ArrayList(u32) = .empty;
        const allocator = self.limited.allocator();
        defer ids.deinit(allocator);
        try tokenizer.encode(allocator, text, self.random.boolean(), &ids);
        var at: usize = 0;
        for (ids.items) |id| {
            const piece = tokenizer.addedText(id) orelse tokenizer.tokenBytes(id);
            if (piece.len == 0) return error.EmptyToken;
            if (!std.mem.startsWith(u8, text[at..], piece)) return error.OtherText;
            at += piece.len;
        }
        if (at != text.len) return error.OtherText;
        self.counts.texts += 1;
        self.counts.tokens += ids.items.len;
    }

    /// Half of it valid UTF-8, the rest any bytes; letters of the merges are frequent.
    fn someText(self: *Fuzz, arena: std.mem.Allocator, len: usize) ![]u8 {
        var text: std.ArrayList(u8) = .empty;
        const valid = self.random.boolean();
        while (text.items.len < len) {
            var buffer: [4]u8 = undefined;
            const bytes: []const u8 = switch (self.random.uintLessThan(u8, 6)) {
                0, 1 => &.{"abc# \n'<>sx1"[self.random.uintLessThan(usize, 12)]},
                2 => &.{if (valid) self.random.int(u7) else self.random.int(u8)},
                3 => "a" ** 9,
                4 => "<a>",
                else => buffer[0 .. std.unicode.utf8Encode(
                    self.random.uintLessThan(u21, 0xd800),
                    &buffer,
                ) catch unreachable],
            };
            try text.appendSlice(arena, bytes);
        }
        return text.items;
    }
};

/// A byte's letter, as JSON.
fn appendLetter(out: *std.ArrayList(u8), allocator: std.mem.Allocator, byte: u8, shifted: *u21) !void {
    const itself = switch (byte) {
        '!'...'~', 0xa1...0xac, 0xae...0xff => true,
        else => false,
    };
    const letter: u21 = if (itself) byte else shifted.*;
    if (!itself) shifted.* += 1;
    var utf8: [4]u8 = undefined;
    if (byte == '"' or byte == '\\') try out.append(allocator, '\\');
    try out.appendSlice(allocator, utf8[0..try std.unicode.utf8Encode(letter, &utf8)]);
}

fn makeSeeds(allocator: std.mem.Allocator) !Fuzz.Seeds {
    const more = [_][]const u8{ "ab", "abc", "bc", "\u{120}a", "##", "\u{120}ab", "aa", "aaaa" };
    const merges = "a b\nb c\nab c\n# #\n\u{120} a\n\u{120} ab\na a\naa aa\n";
    const added =
        \\[{"id":300,"content":"<a>","special":true,"lstrip":false},{"id":301,"content":"\u4e2d"}]
    ;
    var vocab: std.ArrayList(u8) = .empty;
    var shifted: u21 = 0x100;
    for (0..256) |byte| {
        try vocab.appendSlice(allocator, if (byte == 0) "{\"" else ",\"");
        try appendLetter(&vocab, allocator, @intCast(byte), &shifted);
        try vocab.print(allocator, "\":{d}", .{byte});
    }
    for (more, 256..) |token, id| try vocab.print(allocator, ",\"{s}\":{d}", .{ token, id });
    try vocab.append(allocator, '}');

    var strings: std.ArrayList(u8) = .empty;
    var pairs: std.ArrayList(u8) = .empty;
    var lines = std.mem.tokenizeScalar(u8, merges, '\n');
    while (lines.next()) |line| {
        const comma: []const u8 = if (strings.items.len == 0) "" else ",";
        const space = std.mem.indexOfScalar(u8, line, ' ').?;
        try strings.print(allocator, "{s}\"{s}\"", .{ comma, line });
        const words = .{ comma, line[0..space], line[space + 1 ..] };
        try pairs.print(allocator, "{s}[\"{s}\",\"{s}\"]", words);
    }
    const whole = "{{\"version\":\"1.0\",\"added_tokens\":{s},\"model\":" ++
        "{{\"type\":\"BPE\",\"merges\":[{s}],\"vocab\":{s}}}}}";
    const config = "{\"a\":[null,{}],\"added_tokens_decoder\":{\"300\":{\"content\":\"<a>\"," ++
        "\"special\":true},\"301\":{\"content\":\"<a>b\",\"rstrip\":false}},\"b\":-1.5e3}";
    return .{
        .vocab = vocab.items,
        .merges = try allocator.dupe(u8, merges),
        .config = try allocator.dupe(u8, config),
        .strings = try std.fmt.allocPrint(allocator, whole, .{ added, strings.items, vocab.items }),
        .pairs = try std.fmt.allocPrint(allocator, whole, .{ added, pairs.items, vocab.items }),
    };
}

/// `inputs` sets of files, then as many texts.
pub fn run(inputs: u64, seed: u64) !void {
    var lasting: std.heap.ArenaAllocator = .init(std.heap.c_allocator);
    defer lasting.deinit();
    const whole = lasting.allocator();
    var prng: std.Random.DefaultPrng = .init(seed);
    var fuzz: Fuzz = .{ .random = prng.random(), .seeds = try makeSeeds(whole) };
    var arena: std.heap.ArenaAllocator = .init(std.heap.c_allocator);
    for (0..inputs) |i| {
        errdefer std.debug.print("files {d}, seed {d}\n", .{ i, seed });
        try fuzz.openOne(arena.allocator());
        if (fuzz.limited.live != 0) return error.Leak;
        _ = arena.reset(.retain_capacity);
    }
    const s = &fuzz.seeds;
    const from: tokenizer_.Files = .{
        .vocab_json = s.vocab,
        .merges_txt = s.merges,
        .tokenizer_config_json = s.config,
    };
    var tokenizer: Tokenizer = try .init(whole, "m", from);
    for (0..inputs) |i| {
        errdefer std.debug.print("text {d}, seed {d}\n", .{ i, seed });
        const len = fuzz.random.uintAtMost(usize, if (i % 1000 == 0) 20_000 else 200);
        try fuzz.encodeOne(arena.allocator(), &tokenizer, len);
        if (fuzz.limited.live != 0) return error.Leak;
        _ = arena.reset(.retain_capacity);
    }
    const c = fuzz.counts;
    const line = "{d} sets of files: {d} opened, {d} refused; {d} texts, {d} tokens\n";
    std.debug.print(line, .{ inputs, c.opened, c.refused, c.texts, c.tokens });
    if (c.opened == 0 or c.refused == 0) return error.OneSided;
}
