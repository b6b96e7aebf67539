//! Text to token ids and back: byte-level byte-pair encoding as Qwen2 has it.
//!
//! Text is cut into pieces (pretokenizer.zig); within a piece the neighbours with the earliest
//! merge become one token, leftmost first, until no neighbours merge. Text should be NFC, which is
//! up to the caller. Any bytes can be encoded: what is not UTF-8 becomes the tokens of its bytes,
//! so that the bytes of the tokens are always the bytes of the text.
//!
//! Does not change after `init` and may be shared by threads. Time is n log n in the longest piece,
//! linear beyond it; memory for a call 40 bytes per byte of the longest piece.

const std = @import("std");
const errors = @import("../errors.zig");
const pretokenizer = @import("pretokenizer.zig");
const PairTable = @import("token_tables.zig").PairTable;
const vocabulary_ = @import("vocabulary.zig");
const assert = std.debug.assert;

/// The tokenizer's files in memory, borrowed during `init`.
pub const Files = vocabulary_.Files;

/// More than any prompt; keeps what a call can allocate within reason.
pub const text_bytes_max = 64 << 20;

pub const Tokenizer = struct {
    vocabulary: vocabulary_.Vocabulary,
    /// Where the added tokens that begin with this byte are in `vocabulary.added`.
    added_ranges: [256][2]u32,

    /// `folder` is for messages. Half of the memory it takes is for the time of the call only:
    /// `allocator` should be one that can free.
    pub fn init(
        allocator: std.mem.Allocator,
        folder: []const u8,
        from: Files,
    ) errors.Error!Tokenizer {
        var self: Tokenizer = .{
            .vocabulary = try .read(allocator, folder, from),
            .added_ranges = @splat(.{ 0, 0 }),
        };
        for (self.vocabulary.added, 0..) |id, i| {
            const at: u32 = @intCast(i);
            const range = &self.added_ranges[self.vocabulary.text(id)[0]];
            // They are sorted by their first byte: those of one byte are neighbours.
            if (range[1] == 0) range[0] = at else assert(range[1] == at);
            range[1] = at + 1;
        }
        return self;
    }

    pub fn deinit(self: *Tokenizer) void {
        self.vocabulary.deinit();
    }

    /// Appends the ids of `text` to `ids`, which belongs to `scratch`. Added tokens in the text are
    /// plain text unless `with_special`. On failure some ids may have been appended.
    pub fn encode(
        self: *const Tokenizer,
        scratch: std.mem.Allocator,
        text: []const u8,
        with_special: bool,
        ids: *std.ArrayList(u32),
    ) errors.Error!void {
        if (text.len > text_bytes_max) {
            const what = "text of {d} bytes: the tokenizer takes up to {d}";
            return errors.fail(error.Invalid, what, .{ text.len, text_bytes_max });
        }
        var merger: Merger = .{ .vocabulary = &self.vocabulary, .allocator = scratch, .ids = ids };
        defer merger.deinit();
        const encoded = if (with_special) self.cutAtAdded(&merger, text) else merger.pieces(text);
        encoded catch return errors.outOfMemory("the tokens");
    }

    fn cutAtAdded(self: *const Tokenizer, merger: *Merger, text: []const u8) !void {
        var start: usize = 0;
        var at: usize = 0;
        while (at < text.len) {
            const id = self.addedAt(text[at..]) orelse {
                at += 1;
                continue;
            };
            try merger.pieces(text[start..at]);
            try merger.ids.append(merger.allocator, id);
            at += self.vocabulary.text(id).len;
            start = at;
        }
        try merger.pieces(text[start..]);
    }

    /// The longest added token that `text` begins with.
    fn addedAt(self: *const Tokenizer, text: []const u8) ?u32 {
        const range = self.added_ranges[text[0]];
        for (self.vocabulary.added[range[0]..range[1]]) |id| {
            if (std.mem.startsWith(u8, text, self.vocabulary.text(id))) return id;
        }
        return null;
    }

    /// The bytes a token stands for, which may end within a character. "" for added tokens, special
    /// or not, and for ids without a token.
    pub fn tokenBytes(self: *const Tokenizer, id: u32) []const u8 {
        return if (self.vocabulary.isAdded(id)) "" else self.vocabulary.text(id);
    }

    /// An added token's own text: "<asr_text>". Null for all others.
    pub fn addedText(self: *const Tokenizer, id: u32) ?[]const u8 {
        return if (self.vocabulary.isAdded(id)) self.vocabulary.text(id) else null;
    }

    pub fn addedId(self: *const Tokenizer, text: []const u8) ?u32 {
        if (text.len == 0) return null;
        const range = self.added_ranges[text[0]];
        for (self.vocabulary.added[range[0]..range[1]]) |id| {
            if (std.mem.eql(u8, text, self.vocabulary.text(id))) return id;
        }
        return null;
    }

    /// One more than the highest id.
    pub fn vocabSize(self: *const Tokenizer) u32 {
        return @intCast(self.vocabulary.tokens.len);
    }
};

/// Encodes pieces one after the other, with the same memory.
const Merger = struct {
    vocabulary: *const vocabulary_.Vocabulary,
    allocator: std.mem.Allocator,
    ids: *std.ArrayList(u32),
    /// The piece's tokens so far, a list linked through the places where tokens were.
    symbols: std.ArrayList(Symbol) = .empty,
    /// Merges that were possible when they were noted: rank above, place of the left token below,
    /// so that the least is the next to do.
    queue: Queue = .empty,

    const Queue = std.PriorityQueue(u64, void, earlier);
    const Symbol = struct { id: u32, previous: u32, next: u32 };
    const none: u32 = std.math.maxInt(u32);

    fn earlier(_: void, a: u64, b: u64) std.math.Order {
        return std.math.order(a, b);
    }

    fn deinit(self: *Merger) void {
        self.symbols.deinit(self.allocator);
        self.queue.deinit(self.allocator);
    }

    fn pieces(self: *Merger, text: []const u8) error{OutOfMemory}!void {
        var start: usize = 0;
        while (start < text.len) {
            const end = pretokenizer.pieceEnd(text, start);
            assert(end > start);
            try self.piece(text[start..end]);
            start = end;
        }
    }

    fn piece(self: *Merger, bytes: []const u8) error{OutOfMemory}!void {
        assert(bytes.len > 0 and bytes.len <= text_bytes_max);
        self.symbols.clearRetainingCapacity();
        self.queue.clearRetainingCapacity();
        try self.symbols.ensureTotalCapacity(self.allocator, bytes.len);
        for (bytes, 0..) |byte, i| {
            self.symbols.appendAssumeCapacity(.{
                .id = self.vocabulary.byte_ids[byte],
                .previous = if (i == 0) none else @intCast(i - 1),
                .next = if (i + 1 == bytes.len) none else @intCast(i + 1),
            });
        }
        for (0..bytes.len - 1) |i| try self.note(@intCast(i));
        while (self.queue.pop()) |candidate| {
            try self.merge(@truncate(candidate), @truncate(candidate >> 32));
        }
        assert(self.symbols.items.len == bytes.len and self.symbols.items[0].id != none);
        var at: u32 = 0; // The first place always keeps a token.
        while (at != none) : (at = self.symbols.items[at].next) {
            try self.ids.append(self.allocator, self.symbols.items[at].id);
        }
    }

    /// Queues the merge of the token at `at` with its right neighbour, where there is one.
    fn note(self: *Merger, at: u32) error{OutOfMemory}!void {
        const found = self.mergeAt(at) orelse return;
        try self.queue.push(self.allocator, @as(u64, found.rank) << 32 | at);
    }

    fn mergeAt(self: *const Merger, at: u32) ?PairTable.Found {
        const left = self.symbols.items[at];
        if (left.id == none or left.next == none) return null;
        return self.vocabulary.merges.get(left.id, self.symbols.items[left.next].id);
    }

    /// Does the merge of `rank` at `at`, unless an earlier one has taken a part of it.
    fn merge(self: *Merger, at: u32, rank: u32) error{OutOfMemory}!void {
        const found = self.mergeAt(at) orelse return;
        if (found.rank != rank) return;
        const symbols = self.symbols.items;
        const left = &symbols[at];
        const right = &symbols[left.next];
        left.id = found.result;
        left.next = right.next;
        right.id = none;
        if (left.next != none) symbols[left.next].previous = at;
        if (left.previous != none) try self.note(left.previous);
        try self.note(at);
    }
};
