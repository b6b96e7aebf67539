//! Tests of the tokenizer: encoding, added tokens, every kind of damaged file. A small vocabulary
//! of the 256 bytes and eight merges; the real one where the fixtures are.

const std = @import("std");
const errors = @import("../errors.zig");
const tokenizer_ = @import("tokenizer.zig");
const testing = std.testing;
const Files = tokenizer_.Files;
const Tokenizer = tokenizer_.Tokenizer;

/// vocab.json: the 256 bytes, each with itself as id, then `more`, JSON strings' insides.
fn smallVocab(allocator: std.mem.Allocator, more: []const []const u8) ![]u8 {
    var json: std.ArrayList(u8) = .empty;
    errdefer json.deinit(allocator);
    var buffer: [64]u8 = undefined;
    var shifted: u21 = 0x100;
    for (0..256) |byte| {
        const itself = switch (byte) {
            '!'...'~', 0xa1...0xac, 0xae...0xff => true,
            else => false,
        };
        const letter: u21 = if (itself) @intCast(byte) else shifted;
        if (!itself) shifted += 1;
        const comma: []const u8 = if (byte == 0) "{" else ",";
        const values = .{ comma, letter, byte };
        const text = try std.fmt.bufPrint(&buffer, "{s}\n\"\\u{x:0>4}\": {d}", values);
        try json.appendSlice(allocator, text);
    }
    for (more, 256..) |token, id| {
        const text = try std.fmt.bufPrint(&buffer, ",\"{s}\":{d}", .{ token, id });
        try json.appendSlice(allocator, text);
    }
    try json.appendSlice(allocator, "}\n");
    return json.toOwnedSlice(allocator);
}

const small_tokens = [_][]const u8{ "ab", "abc", "bc", "Ġa", "##", "Ġab", "aa", "aaaa" };
const small_merges = "#version: 0.2\na b\nb c\nab c\n# #\r\nĠ a\nĠ ab\na a\naa aa\n";
const small_config =
    \\{"x": [1, {"y": null}], "added_tokens_decoder": {
    \\ "300": {"content": "<a>", "special": true, "lstrip": false, "normalized": false},
    \\ "301": {"content": "<a>b", "special": false},
    \\ "302": {"content": "<\u00e9>", "special": true}}}
;

fn smallTokenizer(allocator: std.mem.Allocator) !Tokenizer {
    const vocab = try smallVocab(testing.allocator, &small_tokens);
    defer testing.allocator.free(vocab);
    return .init(allocator, "m", .{
        .vocab_json = vocab,
        .merges_txt = small_merges,
        .tokenizer_config_json = small_config,
    });
}

fn expectIds(
    tokenizer: *const Tokenizer,
    text: []const u8,
    special: bool,
    want: []const u32,
) !void {
    var ids: std.ArrayList(u32) = .empty;
    defer ids.deinit(testing.allocator);
    try tokenizer.encode(testing.allocator, text, special, &ids);
    try testing.expectEqualSlices(u32, want, ids.items);
}

test "encode: earliest merge first, leftmost of equals, only within pieces" {
    var tokenizer = try smallTokenizer(testing.allocator);
    defer tokenizer.deinit();
    try testing.expectEqual(303, tokenizer.vocabSize());
    try expectIds(&tokenizer, "", false, &.{});
    try expectIds(&tokenizer, "abc", false, &.{257});
    try expectIds(&tokenizer, "bc ab", false, &.{ 258, 261 });
    try expectIds(&tokenizer, "aaaaaaa", false, &.{ 263, 262, 'a' });
    try expectIds(&tokenizer, "###", false, &.{ 260, '#' });
    try expectIds(&tokenizer, "a1b", false, &.{ 'a', '1', 'b' });
    try expectIds(&tokenizer, "\xff\x00 \xc3", false, &.{ 0xff, 0, ' ', 0xc3 });
}

test "added tokens: plain unless asked for, the longest wins, and no bytes of their own" {
    var tokenizer = try smallTokenizer(testing.allocator);
    defer tokenizer.deinit();
    try expectIds(&tokenizer, "<a>", false, &.{ '<', 'a', '>' });
    const mixed = [_]u32{ 256, 301, 'c', 300, 'c', 302, '<', 'a' };
    try expectIds(&tokenizer, "ab<a>bc<a>c<\u{e9}><a", true, &mixed);
    try testing.expectEqual(300, tokenizer.addedId("<a>"));
    try testing.expectEqual(302, tokenizer.addedId("<\u{e9}>"));
    for ([_][]const u8{ "", "<", "<a>bc", "ab" }) |text| {
        try testing.expectEqual(null, tokenizer.addedId(text));
    }
    try testing.expectEqualStrings("", tokenizer.tokenBytes(300));
    try testing.expectEqualStrings("<a>", tokenizer.addedText(300).?);
    try testing.expectEqualStrings(" ab", tokenizer.tokenBytes(261));
    try testing.expectEqual(null, tokenizer.addedText(261));
    for ([_]u32{ 299, 303, std.math.maxInt(u32) }) |id| {
        try testing.expectEqualStrings("", tokenizer.tokenBytes(id));
        try testing.expectEqual(null, tokenizer.addedText(id));
    }
}

fn initAndEncode(allocator: std.mem.Allocator) !void {
    var tokenizer = try smallTokenizer(allocator);
    defer tokenizer.deinit();
    var ids: std.ArrayList(u32) = .empty;
    defer ids.deinit(allocator);
    try tokenizer.encode(allocator, "abc aaaaaaaaaaaaaaaaaaaaa<a>x", true, &ids);
}

test "running out of memory anywhere is an error and loses nothing" {
    try testing.checkAllAllocationFailures(testing.allocator, initAndEncode, .{});
}

test "the real vocabulary, from QWEN_ASR_FIXTURES or samples/fixtures" {
    const fixtures = testing.environ.getPosix("QWEN_ASR_FIXTURES") orelse "samples/fixtures";
    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    var loaded: [3][]u8 = undefined;
    const names = [_][]const u8{ "vocab.json", "merges.txt", "tokenizer_config.json" };
    for (&loaded, names) |*bytes, name| {
        const path = try std.fs.path.join(arena.allocator(), &.{ fixtures, "nano-asr", name });
        const cwd = std.Io.Dir.cwd();
        const limit: std.Io.Limit = .limited(16 << 20);
        bytes.* = cwd.readFileAlloc(testing.io, path, arena.allocator(), limit) catch |reason| {
            return if (reason == error.FileNotFound) error.SkipZigTest else reason;
        };
    }
    var tokenizer = try Tokenizer.init(testing.allocator, "nano-asr", .{
        .vocab_json = loaded[0],
        .merges_txt = loaded[1],
        .tokenizer_config_json = loaded[2],
    });
    defer tokenizer.deinit();
    try testing.expectEqual(151_706, tokenizer.vocabSize());
    const turn = [_]u32{ 151644, 8948, 198, 151645, 198 };
    try expectIds(&tokenizer, "<|im_start|>system\n<|im_end|>\n", true, &turn);
    try expectIds(&tokenizer, "language English<asr_text>", true, &.{ 11528, 6364, 151704 });
}

fn expectFailure(want: []const u8, from: Files) !void {
    if (Tokenizer.init(testing.allocator, "m", from)) |made| {
        var tokenizer = made;
        tokenizer.deinit();
        std.debug.print("no failure, expected: {s}\n", .{want});
        return error.TestUnexpectedResult;
    } else |reason| {
        try testing.expectEqual(error.Model, reason);
        try testing.expectEqualStrings(want, errors.message());
    }
}

test "missing files: vocab.json and merges.txt together, or tokenizer.json" {
    const want = "m: no tokenizer: vocab.json + merges.txt or tokenizer.json";
    try expectFailure(want, .{});
    try expectFailure(want, .{ .vocab_json = "{}" });
    try expectFailure(want, .{ .merges_txt = "", .tokenizer_config_json = "{}" });
}

test "damaged vocab.json: the sentence says what and where" {
    const cases = [_][2][]const u8{
        .{ "", "m/vocab.json: not an object at byte 0" },
        .{ "[]", "m/vocab.json: not an object at byte 0" },
        .{ "{\"a\":0", "m/vocab.json: not valid JSON at byte 6" },
        .{ "{\"a\" 0}", "m/vocab.json: not valid JSON at byte 5" },
        .{ "{\"a\":0} x", "m/vocab.json: not valid JSON at byte 8" },
        .{ "{\"a\":\"0\"}", "m/vocab.json: not a number at byte 5" },
        .{ "{\"a\":1.5}", "m/vocab.json: not a whole number up to 1048575 at byte 5" },
        .{ "{\"a\":-1}", "m/vocab.json: not a whole number up to 1048575 at byte 5" },
        .{ "{\"a\":1048576}", "m/vocab.json: not a whole number up to 1048575 at byte 5" },
        .{ "{\"a\":7,\"b\":7}", "m/vocab.json: id 7 is given to two tokens" },
        .{ "{\"a\":7,\"\\u0061\":8}", "m/vocab.json: ids 7 and 8 are the same token" },
        .{ "{\"a b\":7}", "m/vocab.json: token \"a b\" is not in the byte-level alphabet" },
        .{ "{\"\":7}", "m/vocab.json: token \"\" is not in the byte-level alphabet" },
        .{ "{\"a\":7}", "m/vocab.json: no token for byte 0" },
        .{ "{\"a\":" ++ "[" ** 99, "m/vocab.json: not a number at byte 5" },
    };
    for (cases) |case| try expectFailure(case[1], .{ .vocab_json = case[0], .merges_txt = "" });
}

test "damaged merges.txt: the sentence has the line" {
    const vocab = try smallVocab(testing.allocator, &small_tokens);
    defer testing.allocator.free(vocab);
    const cases = [_][2][]const u8{
        .{ "a b\nab", "m/merges.txt: line 2: not two tokens and a space" },
        .{ "a b c", "m/merges.txt: line 1: \"b c\" is not in the vocabulary" },
        .{ "\n\na xyz", "m/merges.txt: line 3: \"xyz\" is not in the vocabulary" },
        .{ " a", "m/merges.txt: line 1: \"\" is not in the vocabulary" },
        .{ "a \xff", "m/merges.txt: line 1: \"\\xff\" is not in the vocabulary" },
        .{ "a z", "m/merges.txt: line 1: \"az\" is not in the vocabulary" },
        .{ "a b\n#version: 0.2", "m/merges.txt: line 2: \"#version:\" is not in the vocabulary" },
        .{ "#version\na b\nb c\na b", "m/merges.txt: merges 1 and 3 are the same" },
    };
    for (cases) |case| try expectFailure(case[1], .{ .vocab_json = vocab, .merges_txt = case[0] });
}

test "damaged added tokens" {
    const vocab = try smallVocab(testing.allocator, &.{});
    defer testing.allocator.free(vocab);
    const cases = [_][2][]const u8{
        .{ "[]", "not an object at byte 0" },
        .{ "{\"300\":[]}", "not an object at byte 31" },
        .{ "{\"x\":{}}", "an added token without a usable id at byte 29" },
        .{ "{\"9999999\":{\"content\":\"a\"}}", "an added token without a usable id at byte 35" },
        .{ "{\"300\":{}}", "an added token without content at byte 31" },
        .{ "{\"300\":{\"content\":\"\"}}", "an added token of no characters at byte 31" },
        .{ "{\"300\":{\"content\":7}}", "not a string at byte 42" },
        .{ "{\"65\":{\"content\":\"a\"}}", "an added token with another token's id at byte 30" },
        .{
            "{\"300\":{\"content\":\"a\",\"lstrip\":true}}",
            "an added token with lstrip, rstrip or single_word at byte 59",
        },
    };
    for (cases, 0..) |case, i| {
        var config: [200]u8 = undefined;
        var want: [200]u8 = undefined;
        const json = if (i == 0) case[0] else try std.fmt.bufPrint(
            &config,
            "{{\"added_tokens_decoder\":{s}}}",
            .{case[0]},
        );
        try expectFailure(
            try std.fmt.bufPrint(&want, "m/tokenizer_config.json: {s}", .{case[1]}),
            .{ .vocab_json = vocab, .merges_txt = "", .tokenizer_config_json = json },
        );
    }
    const twice =
        \\{"added_tokens_decoder": {"300": {"content": "<"}, "301": {"content": "<"}}}
    ;
    try expectFailure("m: added tokens 300 and 301 are the same", .{
        .vocab_json = vocab,
        .merges_txt = "",
        .tokenizer_config_json = twice,
    });
}

/// tokenizer.json with the small tokens; `merges` and `model` are JSON.
fn smallTokenizerJson(merges: []const u8, model_first: []const u8, added: []const u8) ![]u8 {
    const vocab = try smallVocab(testing.allocator, &small_tokens);
    defer testing.allocator.free(vocab);
    return std.fmt.allocPrint(
        testing.allocator,
        "{{\"version\":\"1.0\",\"added_tokens\":{s}," ++
            "\"model\":{{{s}\"merges\":{s},\"vocab\":{s}}}}}",
        .{ added, model_first, merges, vocab },
    );
}

const small_added =
    \\[{"id": 300, "content": "<a>", "special": true}, {"content": "ab", "id": 256}]
;

test "tokenizer.json: merges as strings or as pairs, an added token among the ordinary" {
    const forms = [_][]const u8{
        "[\"a b\",\"b c\",\"ab c\",\"# #\"]",
        "[[\"a\",\"b\"],[\"b\",\"c\"],[\"\\u0061b\",\"\\u0063\"],[\"#\",\"#\"]]",
    };
    for (forms) |merges| {
        const json = try smallTokenizerJson(merges, "\"type\":\"BPE\",", small_added);
        defer testing.allocator.free(json);
        // Without merges.txt, vocab.json alone says nothing.
        const from: Files = .{ .vocab_json = "{", .tokenizer_json = json };
        var tokenizer: Tokenizer = try .init(testing.allocator, "m", from);
        defer tokenizer.deinit();
        try expectIds(&tokenizer, "abcbc## <a>", false, &.{ 257, 258, 260, ' ', '<', 'a', '>' });
        try expectIds(&tokenizer, "bc<a>ab", true, &.{ 258, 300, 256 });
        try testing.expectEqualStrings("ab", tokenizer.addedText(256).?);
        try testing.expectEqualStrings("", tokenizer.tokenBytes(256));
    }
}

test "tokenizer.json gives the added tokens where tokenizer_config.json lists none" {
    const json = try smallTokenizerJson("[]", "", small_added);
    defer testing.allocator.free(json);
    const vocab = try smallVocab(testing.allocator, &.{});
    defer testing.allocator.free(vocab);
    var tokenizer: Tokenizer = try .init(testing.allocator, "m", .{
        .vocab_json = vocab,
        .merges_txt = "",
        .tokenizer_config_json = "{\"model_max_length\": 131072}",
        .tokenizer_json = json,
    });
    defer tokenizer.deinit();
    try testing.expectEqual(300, tokenizer.addedId("<a>"));
    try testing.expectEqual(256, tokenizer.addedId("ab"));
}

test "damaged tokenizer.json" {
    const cases = [_][3][]const u8{
        .{ "[\"ab\"]", "", "merge 1: not two tokens and a space" },
        .{ "[\"a b\",[\"a\",\"z\"]]", "", "merge 2: \"az\" is not in the vocabulary" },
        .{ "[[\"a\",\"b\"],\"a b\"]", "", "merges 1 and 2 are the same" },
        .{ "[[]]", "", "a merge without parts at byte 56" },
        .{ "[[\"a\"]]", "", "a merge of one part at byte 59" },
        .{ "[[\"a\",\"b\",\"c\"]]", "", "a merge of more than two parts at byte 63" },
        .{ "[7]", "", "not a string at byte 54" },
        .{ "{}", "", "not an array at byte 53" },
        .{ "[]", "\"type\": \"WordPiece\",", "a model type other than \"BPE\" at byte 52" },
        .{ "[]", "\"x\":" ++ "[" ** 70 ++ "]" ** 70 ++ ",", "nested too deep at byte 112" },
    };
    for (cases) |case| {
        const json = try smallTokenizerJson(case[0], case[1], "[]");
        defer testing.allocator.free(json);
        var want: [200]u8 = undefined;
        const sentence = try std.fmt.bufPrint(&want, "m/tokenizer.json: {s}", .{case[2]});
        try expectFailure(sentence, .{ .tokenizer_json = json });
    }
    const whole = [_][2][]const u8{
        .{ "{}", "m/tokenizer.json: no model.vocab" },
        .{ "{\"model\":{\"vocab\":{\"a\":0}}}", "m/tokenizer.json: no model.merges" },
        .{ "{\"model\":7}", "m/tokenizer.json: not an object at byte 9" },
        .{ "{\"model\":{\"vocab\":{\"a\":0}}", "m/tokenizer.json: not valid JSON at byte 26" },
    };
    for (whole) |case| try expectFailure(case[1], .{ .tokenizer_json = case[0] });
}
