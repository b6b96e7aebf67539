//! Reads the files of a tokenizer into tables: the bytes of every token, the merges by pair, the
//! added tokens.
//!
//! In: vocab.json and merges.txt, or tokenizer.json where one of these is absent; the added tokens
//! from tokenizer_config.json (added_tokens_decoder), or where it lists none from tokenizer.json.
//! Out: a `Vocabulary`, in which every byte has a token and every merge's parts and result exist.
//!
//! Ranks are the merges' order. Of merges.txt only a first line "#version..." is a comment: merges
//! whose left part begins with '#' are real. Damage is an error with file and place. Memory is in
//! proportion to the files: a dozen allocations, some of which are freed before `read` returns.

const std = @import("std");
const errors = @import("../errors.zig");
const files = @import("../checkpoint/files.zig");
const tables = @import("token_tables.zig");
const Reader = @import("json_reader.zig").Reader;
const Merge = tables.Merge;
const PairTable = tables.PairTable;
const TextTable = tables.TextTable;
const Token = tables.Token;
const assert = std.debug.assert;

/// Bytes of the files, null where there is none. Borrowed for the call only.
pub const Files = struct {
    vocab_json: ?[]const u8 = null,
    merges_txt: ?[]const u8 = null,
    tokenizer_config_json: ?[]const u8 = null,
    tokenizer_json: ?[]const u8 = null,
};

const file_bytes_max = 256 << 20; // Real ones: 11 MB.
const ids_max = 1 << 20; // Real ones: 152 thousand.
const merges_max = 1 << 22;

const Error = errors.Error;
const memory = "the tokenizer"; // What there was not enough memory for.

pub const Vocabulary = struct {
    allocator: std.mem.Allocator,
    pool: []const u8,
    /// By id.
    tokens: []const Token,
    /// The token of each single byte.
    byte_ids: [256]u32,
    merges: PairTable,
    /// Ids of the added tokens, by first byte, then longest text first.
    added: []const u32,

    /// `folder` is for messages.
    pub fn read(allocator: std.mem.Allocator, folder: []const u8, from: Files) Error!Vocabulary {
        var builder: Builder = .{ .allocator = allocator, .folder = folder };
        defer builder.deinit();
        try builder.checkSizes(from);
        if (from.vocab_json != null and from.merges_txt != null) {
            try builder.readVocabJson(from.vocab_json.?);
            try builder.readMergesTxt(from.merges_txt.?);
        } else if (from.tokenizer_json) |bytes| {
            try builder.readTokenizerJson(bytes);
        } else {
            const wanted = "{s}: no tokenizer: vocab.json + merges.txt or tokenizer.json";
            return errors.fail(error.Model, wanted, .{folder});
        }
        try builder.readAdded(from);
        return builder.finish();
    }

    pub fn deinit(self: *Vocabulary) void {
        self.allocator.free(self.pool);
        self.allocator.free(self.tokens);
        self.allocator.free(self.added);
        self.merges.deinit(self.allocator);
    }

    /// "" for an id without a token.
    pub fn text(self: *const Vocabulary, id: u32) []const u8 {
        if (id >= self.tokens.len) return "";
        return tables.bytesOf(self.pool, self.tokens[id]);
    }

    pub fn isAdded(self: *const Vocabulary, id: u32) bool {
        return id < self.tokens.len and self.tokens[id].added;
    }
};

/// Everything that grows while the files are read.
const Builder = struct {
    allocator: std.mem.Allocator,
    folder: []const u8,
    pool: std.ArrayList(u8) = .empty,
    tokens: std.ArrayList(Token) = .empty,
    tokens_count: usize = 0,
    texts: TextTable = .none,
    merges: std.ArrayList(Merge) = .empty,
    added: std.ArrayList(u32) = .empty,
    /// Merges that are looked up next, with their parts as they are written, and the bytes of these.
    waiting: [ahead]Waiting = undefined,
    waiting_count: usize = 0,
    written: std.ArrayList(u8) = .empty,
    joined: std.ArrayList(u8) = .empty,
    /// For messages: where tokens and merges came from.
    tokens_name: []const u8 = "",
    merges_name: []const u8 = "",
    merges_unit: []const u8 = "",
    /// In tokenizer.json, once it has been looked through.
    places: ?Places = null,

    fn deinit(self: *Builder) void {
        self.pool.deinit(self.allocator);
        self.tokens.deinit(self.allocator);
        self.texts.deinit(self.allocator);
        self.merges.deinit(self.allocator);
        self.added.deinit(self.allocator);
        self.written.deinit(self.allocator);
        self.joined.deinit(self.allocator);
    }

    fn reader(self: *const Builder, name: []const u8, bytes: []const u8) Reader {
        return .{
            .allocator = self.allocator,
            .folder = self.folder,
            .name = name,
            .bytes = bytes,
        };
    }

    fn fail(
        self: *const Builder,
        name: []const u8,
        comptime what: []const u8,
        values: anytype,
    ) Error {
        const place = .{ self.folder, name };
        return errors.fail(error.Model, "{s}/{s}: " ++ what, place ++ values);
    }

    fn checkSizes(self: *const Builder, from: Files) Error!void {
        inline for (.{
            .{ "vocab.json", from.vocab_json },
            .{ "merges.txt", from.merges_txt },
            .{ "tokenizer_config.json", from.tokenizer_config_json },
            .{ "tokenizer.json", from.tokenizer_json },
        }) |file| {
            if (file[1]) |bytes| {
                if (bytes.len > file_bytes_max) {
                    return self.fail(file[0], "larger than {d} bytes", .{file_bytes_max});
                }
            }
        }
    }

    // ------------------------------------------------------------------------------------- tokens

    fn readVocabJson(self: *Builder, bytes: []const u8) Error!void {
        var json = self.reader("vocab.json", bytes);
        defer json.deinit();
        try self.readVocab(&json);
        try json.end();
        try self.indexTokens("vocab.json");
    }

    /// {"token": id, ...}, tokens in the byte-level alphabet.
    fn readVocab(self: *Builder, json: *Reader) Error!void {
        // Real vocabularies have 18 bytes of JSON per token, 7 of them the token's own.
        try self.reserve(json.bytes.len / 2, json.bytes.len / 16);
        var count: u32 = 0;
        try json.beginObject();
        while (try json.nextKey(&count)) |key| {
            const offset = self.pool.items.len;
            self.pool.ensureUnusedCapacity(self.allocator, key.len) catch
                return errors.outOfMemory(memory);
            const bytes = tables.decodeAlphabet(key, self.pool.unusedCapacitySlice()) orelse 0;
            if (bytes == 0) {
                const what = "token \"{f}\" is not in the byte-level alphabet";
                return self.fail(json.name, what, .{files.quote(key)});
            }
            self.pool.items.len += bytes;
            const id = try json.integer(ids_max - 1);
            if (!try self.put(id, tables.tokenAt(offset, bytes, false))) {
                return self.fail(json.name, "id {d} is given to two tokens", .{id});
            }
        }
    }

    fn reserve(self: *Builder, pool_bytes: usize, tokens: usize) Error!void {
        self.pool.ensureTotalCapacity(self.allocator, pool_bytes) catch
            return errors.outOfMemory(memory);
        self.tokens.ensureTotalCapacity(self.allocator, @min(tokens, ids_max)) catch
            return errors.outOfMemory(memory);
    }

    /// False where the id is taken.
    fn put(self: *Builder, id: u32, token: Token) Error!bool {
        assert(id < ids_max);
        assert(token.bytes > 0);
        if (id >= self.tokens.items.len) {
            const more = id + 1 - self.tokens.items.len;
            self.tokens.appendNTimes(self.allocator, .none, more) catch
                return errors.outOfMemory(memory);
        }
        if (self.tokens.items[id].bytes > 0) return false;
        self.tokens.items[id] = token;
        self.tokens_count += 1;
        return true;
    }

    /// After all ordinary tokens and before the merges, which name tokens by their text.
    fn indexTokens(self: *Builder, name: []const u8) Error!void {
        self.tokens_name = name;
        self.texts = try .init(self.allocator, self.tokens_count);
        var hashes: [ahead]u32 = undefined;
        const tokens = self.tokens.items;
        for (0..tokens.len + ahead) |i| {
            const hash = &hashes[i % ahead];
            if (i >= ahead and tokens[i - ahead].bytes > 0) {
                const id: u32 = @intCast(i - ahead);
                if (self.texts.add(self.pool.items, tokens[id], hash.*, id)) |first| {
                    return self.fail(name, "ids {d} and {d} are the same token", .{ first, id });
                }
            }
            if (i >= tokens.len) continue;
            hash.* = TextTable.hashOf(self.bytesOf(tokens[i]));
            self.texts.fetch(hash.*);
        }
    }

    fn bytesOf(self: *const Builder, token: Token) []const u8 {
        return tables.bytesOf(self.pool.items, token);
    }

    fn idOf(self: *const Builder, text: []const u8) ?u32 {
        return self.texts.get(self.pool.items, text, TextTable.hashOf(text));
    }

    /// What a merge makes. Ids were given in the order of the merges, so it is nearly always the id
    /// after the last one: worth a look before the table.
    fn resultOf(self: *const Builder, text: []const u8) ?u32 {
        const last = self.merges.getLastOrNull() orelse return self.idOf(text);
        const next = last.result + 1;
        const found = next < self.tokens.items.len and std.mem.eql(u8, self.textOf(next), text);
        return if (found) next else self.idOf(text);
    }

    // ------------------------------------------------------------------------------------- merges

    fn readMergesTxt(self: *Builder, bytes: []const u8) Error!void {
        self.merges_name = "merges.txt";
        self.merges_unit = "line";
        self.merges.ensureTotalCapacity(self.allocator, @min(bytes.len / 11, merges_max)) catch
            return errors.outOfMemory(memory);
        var number: usize = 0;
        var lines = std.mem.splitScalar(u8, bytes, '\n');
        while (lines.next()) |with_return| {
            number += 1;
            const line = std.mem.trimEnd(u8, with_return, "\r");
            if (line.len == 0) continue;
            if (number == 1 and std.mem.startsWith(u8, line, "#version")) continue;
            const space = std.mem.indexOfScalar(u8, line, ' ') orelse return self.noSpace(number);
            try self.addMerge(number, .{ line[0..space], line[space + 1 ..] });
        }
        try self.lookUp();
    }

    /// Two parts, one after the other, in a buffer.
    const Joined = struct {
        start: usize,
        middle: usize,
        end: usize,

        fn parts(self: Joined, buffer: []const u8) [2][]const u8 {
            return .{ buffer[self.start..self.middle], buffer[self.middle..self.end] };
        }
    };

    /// A merge that is not looked up yet. `number` says where it is in the file.
    const Waiting = struct { number: usize, written: Joined, bytes: Joined, hashes: [2]u32 };

    /// Every look-up misses the caches: of as many the memory is asked before the first one waits for it.
    const ahead = 32;

    fn addMerge(self: *Builder, number: usize, parts: [2][]const u8) Error!void {
        if (self.waiting_count == ahead) try self.lookUp();
        if (self.merges.items.len + self.waiting_count == merges_max) {
            return self.fail(self.merges_name, "more than {d} merges", .{merges_max});
        }
        const length = parts[0].len + parts[1].len;
        self.written.ensureUnusedCapacity(self.allocator, length) catch return errors.outOfMemory(memory);
        self.joined.ensureUnusedCapacity(self.allocator, length) catch return errors.outOfMemory(memory);
        var written: [3]usize = @splat(self.written.items.len);
        var bytes: [3]usize = @splat(self.joined.items.len);
        var hashes: [2]u32 = undefined;
        for (parts, &hashes, 1..) |part, *hash, i| {
            self.written.appendSliceAssumeCapacity(part);
            written[i] = self.written.items.len;
            const count = tables.decodeAlphabet(part, self.joined.unusedCapacitySlice()) orelse 0;
            if (count == 0) {
                try self.lookUp(); // What is wrong earlier is told first.
                return self.notAToken(number, .{ part, "" });
            }
            self.joined.items.len += count;
            bytes[i] = self.joined.items.len;
            hash.* = TextTable.hashOf(self.joined.items[bytes[i - 1]..]);
            self.texts.fetch(hash.*);
        }
        self.waiting[self.waiting_count] = .{
            .number = number,
            .written = .{ .start = written[0], .middle = written[1], .end = written[2] },
            .bytes = .{ .start = bytes[0], .middle = bytes[1], .end = bytes[2] },
            .hashes = hashes,
        };
        self.waiting_count += 1;
    }

    /// The merges that wait become ids.
    fn lookUp(self: *Builder) Error!void {
        for (self.waiting[0..self.waiting_count]) |*one| {
            const written = one.written.parts(self.written.items);
            var ids: [2]u32 = undefined;
            for (&ids, one.bytes.parts(self.joined.items), one.hashes, written) |*id, text, hash, part| {
                id.* = self.texts.get(self.pool.items, text, hash) orelse
                    return self.notAToken(one.number, .{ part, "" });
            }
            const result = self.resultOf(self.joined.items[one.bytes.start..one.bytes.end]) orelse
                return self.notAToken(one.number, written);
            const merge: Merge = .{ .left = ids[0], .right = ids[1], .result = result };
            self.merges.append(self.allocator, merge) catch return errors.outOfMemory(memory);
        }
        self.waiting_count = 0;
        self.written.items.len = 0;
        self.joined.items.len = 0;
    }

    fn notAToken(self: *const Builder, number: usize, parts: [2][]const u8) Error {
        const what = "{s} {d}: \"{f}{f}\" is not in the vocabulary";
        const values = .{ self.merges_unit, number, files.quote(parts[0]), files.quote(parts[1]) };
        return self.fail(self.merges_name, what, values);
    }

    fn noSpace(self: *Builder, number: usize) Error {
        self.lookUp() catch |reason| return reason; // What is wrong earlier is told first.
        const what = "{s} {d}: not two tokens and a space";
        return self.fail(self.merges_name, what, .{ self.merges_unit, number });
    }

    // ----------------------------------------------------------------------------- tokenizer.json

    /// Where the values that matter begin; merges may stand before the tokens they need.
    const Places = struct { vocab: ?usize = null, merges: ?usize = null, added: ?usize = null };

    fn readTokenizerJson(self: *Builder, bytes: []const u8) Error!void {
        const name = "tokenizer.json";
        var json = self.reader(name, bytes);
        defer json.deinit();
        const places = try findPlaces(&json);
        self.places = places;
        json.at = places.vocab orelse return self.fail(name, "no model.vocab", .{});
        try self.readVocab(&json);
        try self.indexTokens(name);
        json.at = places.merges orelse return self.fail(name, "no model.merges", .{});
        try self.readMergesArray(&json);
    }

    /// Checks the whole file's JSON.
    fn findPlaces(json: *Reader) Error!Places {
        var places: Places = .{};
        var count: u32 = 0;
        try json.beginObject();
        while (try json.nextKey(&count)) |key| {
            if (std.mem.eql(u8, key, "model")) {
                try findModelPlaces(json, &places);
            } else {
                if (std.mem.eql(u8, key, "added_tokens")) places.added = json.at;
                try json.skip();
            }
        }
        try json.end();
        return places;
    }

    fn findModelPlaces(json: *Reader, places: *Places) Error!void {
        var count: u32 = 0;
        try json.beginObject();
        while (try json.nextKey(&count)) |key| {
            if (std.mem.eql(u8, key, "type")) {
                _ = json.peek();
                const place = json.at;
                if (std.mem.eql(u8, try json.string(), "BPE")) continue;
                json.at = place;
                return json.fail("a model type other than \"BPE\"");
            }
            if (std.mem.eql(u8, key, "vocab")) places.vocab = json.at;
            if (std.mem.eql(u8, key, "merges")) places.merges = json.at;
            try json.skip();
        }
    }

    /// ["a b", ...] or [["a", "b"], ...]
    fn readMergesArray(self: *Builder, json: *Reader) Error!void {
        self.merges_name = json.name;
        self.merges_unit = "merge";
        const bytes = json.bytes.len - json.at;
        self.merges.ensureTotalCapacity(self.allocator, @min(bytes / 14, merges_max)) catch
            return errors.outOfMemory(memory);
        var left: std.ArrayList(u8) = .empty;
        defer left.deinit(self.allocator);
        var count: u32 = 0;
        try json.beginArray();
        while (try json.nextElement(&count)) {
            if (json.peek() != '[') {
                const merge = try json.string();
                const space = std.mem.indexOfScalar(u8, merge, ' ') orelse return self.noSpace(count);
                try self.addMerge(count, .{ merge[0..space], merge[space + 1 ..] });
                continue;
            }
            var parts: u32 = 0;
            try json.beginArray();
            if (!try json.nextElement(&parts)) return json.fail("a merge without parts");
            left.clearRetainingCapacity();
            left.appendSlice(self.allocator, try json.string()) catch
                return errors.outOfMemory(memory);
            if (!try json.nextElement(&parts)) return json.fail("a merge of one part");
            try self.addMerge(count, .{ left.items, try json.string() });
            if (try json.nextElement(&parts)) return json.fail("a merge of more than two parts");
        }
        try self.lookUp();
    }

    // ------------------------------------------------------------------------------- added tokens

    fn readAdded(self: *Builder, from: Files) Error!void {
        if (from.tokenizer_config_json) |bytes| {
            var json = self.reader("tokenizer_config.json", bytes);
            defer json.deinit();
            if (try self.readAddedDecoder(&json)) return;
        }
        const bytes = from.tokenizer_json orelse return;
        var json = self.reader("tokenizer.json", bytes);
        defer json.deinit();
        const places = self.places orelse try findPlaces(&json);
        json.at = places.added orelse return;
        var count: u32 = 0;
        try json.beginArray();
        while (try json.nextElement(&count)) try self.readAddedToken(&json, null);
    }

    /// {"added_tokens_decoder": {"ID": {...}, ...}}; false where there is no such list.
    fn readAddedDecoder(self: *Builder, json: *Reader) Error!bool {
        var found = false;
        var count: u32 = 0;
        try json.beginObject();
        while (try json.nextKey(&count)) |key| {
            if (found or !std.mem.eql(u8, key, "added_tokens_decoder")) {
                try json.skip();
                continue;
            }
            found = true;
            var tokens: u32 = 0;
            try json.beginObject();
            while (try json.nextKey(&tokens)) |id_text| {
                const id = std.fmt.parseInt(u32, id_text, 10) catch
                    return json.fail("an added token without a usable id");
                try self.readAddedToken(json, id);
            }
        }
        try json.end();
        return found;
    }

    /// {"id": ID, "content": "text", ...}, the id inside or known already.
    fn readAddedToken(self: *Builder, json: *Reader, known: ?u32) Error!void {
        var id = known;
        var offset: ?usize = null;
        var count: u32 = 0;
        _ = json.peek();
        const start = json.at;
        try json.beginObject();
        while (try json.nextKey(&count)) |key| {
            if (known == null and std.mem.eql(u8, key, "id")) {
                id = try json.integer(ids_max - 1);
            } else if (offset == null and std.mem.eql(u8, key, "content")) {
                offset = self.pool.items.len;
                self.pool.appendSlice(self.allocator, try json.string()) catch
                    return errors.outOfMemory(memory);
            } else if (isUnsupportedFlag(key)) {
                if (!try json.boolean()) continue;
                return json.fail("an added token with lstrip, rstrip or single_word");
            } else try json.skip();
        }
        const end = json.at;
        json.at = start; // What is wrong now is wrong with the whole of it.
        const text_start = offset orelse return json.fail("an added token without content");
        const text = self.pool.items[text_start..];
        if (text.len == 0) return json.fail("an added token of no characters");
        if (id == null or id.? >= ids_max) return json.fail("an added token without a usable id");
        try self.addToken(json, id.?, tables.tokenAt(text_start, text.len, true));
        json.at = end;
    }

    /// Text is cut at added tokens exactly where they stand; no Qwen token asks for anything else.
    fn isUnsupportedFlag(key: []const u8) bool {
        inline for (.{ "lstrip", "rstrip", "single_word" }) |flag| {
            if (std.mem.eql(u8, key, flag)) return true;
        }
        return false;
    }

    fn addToken(self: *Builder, json: *Reader, id: u32, token: Token) Error!void {
        if (!try self.put(id, token)) {
            // tokenizer.json may list added tokens among the ordinary ones as well.
            const other = self.tokens.items[id];
            const same = std.mem.eql(u8, self.bytesOf(other), self.bytesOf(token));
            if (other.added or !same) return json.fail("an added token with another token's id");
            self.tokens.items[id] = token;
        }
        self.added.append(self.allocator, id) catch return errors.outOfMemory(memory);
    }

    // -------------------------------------------------------------------------------------- whole

    fn finish(self: *Builder) Error!Vocabulary {
        var byte_ids: [256]u32 = undefined;
        for (&byte_ids, 0..) |*id, byte| {
            id.* = self.idOf(&.{@intCast(byte)}) orelse
                return self.fail(self.tokens_name, "no token for byte {d}", .{byte});
        }
        try self.sortAdded();
        var merges = try self.indexMerges();
        errdefer merges.deinit(self.allocator);
        const pool = try self.owned(u8, &self.pool);
        errdefer self.allocator.free(pool);
        const tokens = try self.owned(Token, &self.tokens);
        errdefer self.allocator.free(tokens);
        return .{
            .allocator = self.allocator,
            .pool = pool,
            .tokens = tokens,
            .byte_ids = byte_ids,
            .merges = merges,
            .added = try self.owned(u32, &self.added),
        };
    }

    fn owned(self: *Builder, comptime T: type, list: *std.ArrayList(T)) Error![]T {
        return list.toOwnedSlice(self.allocator) catch errors.outOfMemory(memory);
    }

    /// Ranked by their order.
    fn indexMerges(self: *Builder) Error!PairTable {
        var table: PairTable = try .init(self.allocator, self.merges.items.len);
        errdefer table.deinit(self.allocator);
        const merges = self.merges.items;
        for (merges, 0..) |merge, rank| {
            if (rank + ahead < merges.len) {
                const later = merges[rank + ahead];
                table.fetch(later.left, later.right);
            }
            const slot = table.find(merge.left, merge.right);
            if (!slot.isEmpty()) {
                const what = "merges {d} and {d} are the same";
                return self.fail(self.merges_name, what, .{ slot.found.rank + 1, rank + 1 });
            }
            slot.* = .of(merge, @intCast(rank));
        }
        return table;
    }

    fn sortAdded(self: *Builder) Error!void {
        std.mem.sortUnstable(u32, self.added.items, self, addedBefore);
        for (self.added.items, 0..) |id, i| {
            if (i == 0) continue;
            const previous = self.added.items[i - 1];
            const same = std.mem.eql(u8, self.textOf(previous), self.textOf(id));
            if (!same) continue;
            const what = "{s}: added tokens {d} and {d} are the same";
            return errors.fail(error.Model, what, .{ self.folder, previous, id });
        }
    }

    fn addedBefore(self: *Builder, a: u32, b: u32) bool {
        const left = self.textOf(a);
        const right = self.textOf(b);
        if (left[0] != right[0]) return left[0] < right[0];
        if (left.len != right.len) return left.len > right.len;
        return switch (std.mem.order(u8, left, right)) {
            .lt => true,
            .gt => false,
            .eq => a < b,
        };
    }

    fn textOf(self: *const Builder, id: u32) []const u8 {
        return self.bytesOf(self.tokens.items[id]);
    }
};
