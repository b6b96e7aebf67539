//! An opened checkpoint: config, checked weights, tokenizer, the thread pool. Does not change after
//! open and may be shared by sessions.

const std = @import("std");
const builtin = @import("builtin");
const blas = @import("../compute/blas.zig");
const block_ = @import("../network/block.zig");
const buffers = @import("../compute/buffers.zig");
const cache_ = @import("../packing/cache.zig");
const compute_ = @import("../compute/compute.zig");
const config_ = @import("../checkpoint/config.zig");
const cores = @import("../compute/cores.zig");
const cpu = @import("../compute/cpu.zig");
const decoder_ = @import("../network/decoder.zig");
const encoder_ = @import("../network/encoder.zig");
const errors = @import("../errors.zig");
const files = @import("../checkpoint/files.zig");
const head_ = @import("../network/head.zig");
const kv_cache_ = @import("../network/kv_cache.zig");
const mel_ = @import("../network/mel.zig");
const precision_ = @import("../packing/precision.zig");
const safetensors = @import("../checkpoint/safetensors.zig");
const stem_ = @import("../network/stem.zig");
const threads = @import("../compute/threads.zig");
const tokenizer_ = @import("../tokenizer/tokenizer.zig");
const weights_ = @import("../checkpoint/weights.zig");
const assert = std.debug.assert;

/// Ids of the tokens that prompts are built with, found by their text.
pub const Special = struct {
    turn_start: u32,
    turn_end: u32,
    end_of_text: u32,
    audio_start: u32,
    audio_end: u32,
    audio_pad: u32,
    /// Ends the language header. An aligner may not have it.
    asr_text: ?u32,
    /// Only an aligner has it.
    timestamp: ?u32,

    fn find(
        tokenizer: *const tokenizer_.Tokenizer,
        config: *const config_.Config,
        folder: []const u8,
    ) errors.Error!Special {
        const Finder = struct {
            tokenizer: *const tokenizer_.Tokenizer,
            vocab: u32,
            folder: []const u8,
            fn maybe(self: @This(), text: []const u8) errors.Error!?u32 {
                const id = self.tokenizer.addedId(text) orelse return null;
                if (id < self.vocab) return id;
                return errors.fail(
                    error.Model,
                    "{s}: token {s} has id {d}, the model only {d} rows",
                    .{ self.folder, text, id, self.vocab },
                );
            }
            fn must(self: @This(), text: []const u8) errors.Error!u32 {
                return try self.maybe(text) orelse errors.fail(
                    error.Model,
                    "{s}: the tokenizer has no {s} (tokenizer_config.json missing or of another model?)",
                    .{ self.folder, text },
                );
            }
        };
        const finder: Finder = .{ .tokenizer = tokenizer, .vocab = config.text.vocab, .folder = folder };
        return .{
            .turn_start = try finder.must("<|im_start|>"),
            .turn_end = try finder.must("<|im_end|>"),
            .end_of_text = try finder.must("<|endoftext|>"),
            .audio_start = try finder.must("<|audio_start|>"),
            .audio_end = try finder.must("<|audio_end|>"),
            .audio_pad = try finder.must("<|audio_pad|>"),
            .asr_text = if (config.kind == .asr) try finder.must("<asr_text>") else try finder.maybe("<asr_text>"),
            .timestamp = if (config.kind == .aligner) try finder.must("<timestamp>") else null,
        };
    }
};

/// A tokenizer being read on a thread of its own: half of the time that opening a model takes.
const TokenizerReading = struct {
    allocator: std.mem.Allocator,
    folder: []const u8,
    files: tokenizer_.Files = .{},
    thread: ?std.Thread = null,
    result: errors.Error!tokenizer_.Tokenizer = undefined,
    /// The thread's own sentence about a failure.
    message: [1024]u8 = undefined,
    message_length: usize = 0,

    /// Must not move until `end`.
    fn start(self: *TokenizerReading, source: *files.Source) errors.Error!void {
        self.files = .{
            .vocab_json = try source.get("vocab.json"),
            .merges_txt = try source.get("merges.txt"),
            .tokenizer_config_json = try source.get("tokenizer_config.json"),
            .tokenizer_json = try source.get("tokenizer.json"),
        };
        self.thread = std.Thread.spawn(.{ .stack_size = 1 << 20 }, run, .{self}) catch null;
        if (self.thread == null) self.run();
    }

    fn run(self: *TokenizerReading) void {
        self.result = .init(self.allocator, self.folder, self.files);
        _ = self.result catch {
            const said = errors.message();
            @memcpy(self.message[0..said.len], said);
            self.message_length = said.len;
        };
    }

    fn end(self: *TokenizerReading) errors.Error!tokenizer_.Tokenizer {
        if (self.thread) |thread| thread.join();
        return self.result catch |kind| errors.fail(kind, "{s}", .{self.message[0..self.message_length]});
    }
};

pub const Model = struct {
    gpa: std.mem.Allocator,
    arena: std.heap.ArenaAllocator,
    source: files.Source,
    checkpoint: safetensors.Checkpoint,
    config: config_.Config,
    tokenizer: tokenizer_.Tokenizer,
    special: Special,
    weights: weights_.Weights,
    stem: stem_.Stem,
    mel: mel_.Mel,
    isa: cpu.Choice,
    compute: compute_.Compute,
    precision: precision_.Precision,
    /// All packed matrices, where the precision has some; `weights` and `stem` point into it.
    cache: ?cache_.Cache,
    /// The encoder's matrices as far as they are parts of mapped files.
    encoder_pages: []const []const u8,
    config_json: []const u8,
    needs: Needs,
    /// Sessions, encoders and listeners that are open.
    handles: std.atomic.Value(u32) = .init(0),

    /// Where the files are; all of it is borrowed for the call, but the bytes of `memory` until close.
    pub const Origin = union(enum) { folder: []const u8, memory: []const files.Named };

    pub const Options = struct {
        /// 0 is the default of this machine.
        threads: u32 = 0,
        precision: precision_.Precision = .bf16,
        /// Where packed weights are kept; null: in memory only.
        cache_folder: ?[]const u8 = null,
        /// Receives the packing's progress, 0 to 1000, for another thread to read.
        progress_permille: ?*u32 = null,
    };

    pub fn open(gpa: std.mem.Allocator, origin: Origin, options: Options) errors.Error!*Model {
        const self = gpa.create(Model) catch return errors.outOfMemory("the model");
        errdefer gpa.destroy(self);
        self.handles = .init(0);
        self.gpa = gpa;
        self.arena = .init(gpa);
        errdefer self.arena.deinit();
        self.source = switch (origin) {
            .folder => |path| try files.Source.openFolder(gpa, path),
            .memory => |list| .fromMemory(gpa, try copyNames(self.arena.allocator(), list)),
        };
        errdefer self.source.close();
        try self.readConfig();
        var reading: TokenizerReading = .{ .allocator = gpa, .folder = self.source.label() };
        try reading.start(&self.source);
        const prepared = self.prepare(options);
        errdefer if (prepared) |_| self.compute.deinit() else |_| {};
        self.tokenizer = try reading.end();
        errdefer self.tokenizer.deinit();
        const preparation = try prepared;
        try self.checkTokenizer();
        self.cache = null;
        if (preparation.key) |key| try self.packWeights(key, preparation, options);
        errdefer if (self.cache) |*cache| cache.close();
        self.needs = self.findNeeds();
        self.encoder_pages = self.findEncoderPages(preparation.lists) catch
            return errors.outOfMemory("the list of weights");
        return self;
    }

    /// Facts about the packed weights, before the cache is searched for them.
    const Preparation = struct {
        lists: []const precision_.Item,
        /// Null where nothing is packed.
        key: ?cache_.Key = null,
        layout: []const u8 = "",
    };

    /// All that needs no tokenizer, which another thread reads meanwhile. `compute` is made last.
    fn prepare(self: *Model, options: Options) errors.Error!Preparation {
        const arena = self.arena.allocator();
        self.mel = try mel_.Mel.init(arena, self.config.audio.mel_bins);
        self.checkpoint = try safetensors.open(arena, &self.source);
        self.weights = try weights_.resolve(arena, &self.checkpoint, &self.config);
        self.isa = try cpu.choose();
        const table = self.isa.table();
        const is_exact = options.precision == .bf16;
        self.stem = try stem_.Stem.init(arena, table, self.config.audio, &self.weights.encoder, is_exact);
        self.precision = options.precision;
        const lists = precision_.list(arena, &self.weights, &self.stem.conv, self.precision) catch
            return errors.outOfMemory("the list of weights");
        var preparation: Preparation = .{ .lists = lists };
        if (options.precision.layout(table)) |layout| {
            preparation.layout = layout;
            preparation.key = try self.cacheKey(layout, lists);
        }
        const count = if (options.threads == 0) cores.threadsDefault() else options.threads;
        assert(count >= 1);
        try self.compute.init(self.gpa, table, @min(count, threads.threads_max));
        return preparation;
    }

    fn findEncoderPages(self: *Model, lists: []const precision_.Item) error{OutOfMemory}![]const []const u8 {
        var pages: std.ArrayList([]const u8) = .empty;
        const is_file = if (self.cache) |cache| cache.info.path.len > 0 else true;
        if (is_file) for (lists, 0..) |item, i| {
            if (!std.mem.startsWith(u8, item.name, "encoder.")) continue;
            const bytes = if (self.cache) |cache| cache.item(i) else item.matrix.bytes[0..item.matrix.byteCount()];
            if (self.cache != null or self.source.maps(bytes)) try pages.append(self.arena.allocator(), bytes);
        };
        return pages.items;
    }

    /// Takes the encoder's weights out of this process's memory until they are used again. A process
    /// whose recording is encoded needs the room for the decoder's; getting them back takes a few ms.
    pub fn releaseEncoder(self: *const Model) void {
        for (self.encoder_pages) |bytes| files.release(bytes);
    }

    fn cacheKey(self: *Model, layout: []const u8, lists: []const precision_.Item) errors.Error!cache_.Key {
        const data = self.arena.allocator().alloc([]const u8, lists.len) catch
            return errors.outOfMemory("the packed weights");
        for (lists, data) |from, *bytes| bytes.* = from.matrix.bytes[0..from.matrix.byteCount()];
        return cache_.keyOf(&.{ layout, self.config_json }, data, 2);
    }

    /// Packs the matrices into the cache's file, or finds them there.
    fn packWeights(self: *Model, key: cache_.Key, preparation: Preparation, options: Options) errors.Error!void {
        const lists = preparation.lists;
        const items = self.arena.allocator().alloc(cache_.Item, lists.len) catch
            return errors.outOfMemory("the packed weights");
        for (lists, items) |from, *item| {
            const unit: u32 = @intCast(precision_.unitBytes(from));
            item.* = .{ .name = from.name, .bytes = precision_.packedBytes(from), .unit = unit };
        }
        var filling: Filling = .{ .model = self, .lists = lists, .permille = options.progress_permille };
        self.cache = try cache_.open(self.gpa, .{
            .folder = options.cache_folder,
            .key = key,
            .label = .{ .layout = preparation.layout, .model = self.source.label() },
            .items = items,
            .filler = .{ .context = &filling, .fill = Filling.fill, .progress = Filling.progress },
            .pool = &self.compute.pool,
        });
        for (lists, 0..) |item, i| item.matrix.panels = .{ .bits = item.bits, .bytes = self.cache.?.item(i).ptr };
    }

    const Filling = struct {
        model: *Model,
        lists: []const precision_.Item,
        permille: ?*u32,

        fn fill(context: *anyopaque, index: usize, offset: u64, out: []u8) errors.Error!void {
            const self: *Filling = @ptrCast(@alignCast(context));
            const from = precision_.pack(self.model.compute.kernels, self.lists[index], @intCast(offset), out);
            // Seldom used again; a machine that packs should not need room for both.
            if (self.model.source.maps(from)) files.release(from);
        }

        fn progress(context: *anyopaque, stage: cache_.Stage, done: u64, total: u64) void {
            const self: *Filling = @ptrCast(@alignCast(context));
            assert(done <= total);
            if (stage != .packing) return;
            const permille: u32 = @intCast(done * 1000 / @max(total, 1));
            if (self.permille) |to| @atomicStore(u32, to, permille, .monotonic);
        }
    };

    fn copyNames(arena: std.mem.Allocator, list: []const files.Named) errors.Error![]files.Named {
        const copy = arena.dupe(files.Named, list) catch return errors.outOfMemory("the model");
        for (copy) |*one| {
            one.name = arena.dupe(u8, one.name) catch return errors.outOfMemory("the model");
        }
        return copy;
    }

    fn readConfig(self: *Model) errors.Error!void {
        const arena = self.arena.allocator();
        const folder = self.source.label();
        const json = try self.source.get("config.json") orelse
            return errors.fail(error.Model, "{s}: no config.json", .{folder});
        self.config_json = json;
        const path = std.fmt.allocPrint(arena, "{s}/config.json", .{folder}) catch
            return errors.outOfMemory("the model");
        self.config = try config_.parse(arena, path, json);
    }

    fn checkTokenizer(self: *Model) errors.Error!void {
        const folder = self.source.label();
        const ids = self.tokenizer.vocabSize();
        if (ids > self.config.text.vocab) return errors.fail(
            error.Model,
            "{s}: the tokenizer has ids up to {d}, the model only {d} rows: not of the same model",
            .{ folder, ids - 1, self.config.text.vocab },
        );
        self.special = try Special.find(&self.tokenizer, &self.config, folder);
    }

    /// Refused while handles are open: they use what would be gone.
    pub fn close(self: *Model) errors.Error!void {
        const handles = self.handles.load(.acquire);
        if (handles > 0) return errors.fail(
            error.Busy,
            "the model has {d} sessions, encoders or listeners open",
            .{handles},
        );
        self.compute.deinit();
        if (self.cache) |*cache| cache.close();
        self.tokenizer.deinit();
        self.arena.deinit();
        self.source.close();
        self.gpa.destroy(self);
        buffers.trim();
    }

    pub fn addHandle(self: *Model) void {
        _ = self.handles.fetchAdd(1, .monotonic);
    }

    pub fn removeHandle(self: *Model) void {
        const before = self.handles.fetchSub(1, .release);
        assert(before > 0);
    }

    /// Without buffers, until it is used.
    pub fn makeEncoder(self: *Model) encoder_.Encoder {
        return .init(self.gpa, &self.compute, self.config.audio, &self.weights.encoder, &self.stem);
    }

    /// Bytes that sequences and encoders need: a scheduler decides by them how many may be open.
    const Needs = struct {
        /// A session at most, without its positions and rows: its scores, and those of a draft's rows.
        session_bytes: usize,
        /// Each position of a session.
        position_bytes: usize,
        /// Each row of a session's largest prefill, rounded up to a power of two, at most `block_rows`.
        row_bytes: usize,
        block_rows: usize,
        /// An encoder that was used. The features and rows of its clip come on top.
        encoder_bytes: usize,
    };

    fn findNeeds(self: *Model) Needs {
        assert(self.weights.decoder.layers.len > 0);
        const text = self.config.text;
        const scores = head_.Scores.bytes(text.hidden, self.weights.decoder.head.rows);
        const kind = decoder_.Decoder.kvOf(&self.weights.decoder);
        return .{
            .session_bytes = (1 + head_.together_max) * scores,
            .position_bytes = kv_cache_.KvCache.init(self.gpa, text, kind).positionBytes(),
            .row_bytes = block_.Block.rowBytes(text, self.compute.kernels),
            .block_rows = block_.rows_max,
            .encoder_bytes = self.makeEncoder().bytes(),
        };
    }

    pub fn isEnd(self: *const Model, id: u32) bool {
        return id == self.special.turn_end or id == self.special.end_of_text;
    }

    /// The official prompt for `rows` audio rows; see qasr_prompt in qwen_asr.h.
    pub fn prompt(
        self: *const Model,
        scratch: std.mem.Allocator,
        rows: usize,
        context: []const u8,
        language: []const u8,
        ids: *std.ArrayList(u32),
    ) errors.Error!void {
        const s = self.special;
        if (self.config.kind == .aligner) {
            return errors.fail(error.Invalid, "{s} aligns and does not transcribe", .{self.name()});
        }
        const asr_text = s.asr_text.?;
        const system = try join(scratch, &.{ "system\n", context });
        const language_words: []const []const u8 = if (language.len == 0)
            &.{"assistant\n"}
        else
            &.{ "assistant\nlanguage ", language };
        const assistant = try join(scratch, language_words);

        try push(scratch, ids, &.{s.turn_start});
        try self.tokenizer.encode(scratch, system, false, ids);
        try push(scratch, ids, &.{s.turn_end});
        try self.tokenizer.encode(scratch, "\n", false, ids);
        try push(scratch, ids, &.{s.turn_start});
        try self.tokenizer.encode(scratch, "user\n", false, ids);
        try push(scratch, ids, &.{s.audio_start});
        assert(s.audio_pad < self.config.text.vocab);
        ids.appendNTimes(scratch, s.audio_pad, rows) catch return errors.outOfMemory("a prompt");
        try push(scratch, ids, &.{ s.audio_end, s.turn_end });
        try self.tokenizer.encode(scratch, "\n", false, ids);
        try push(scratch, ids, &.{s.turn_start});
        try self.tokenizer.encode(scratch, assistant, false, ids);
        if (language.len > 0) try push(scratch, ids, &.{asr_text});
    }

    fn push(scratch: std.mem.Allocator, ids: *std.ArrayList(u32), more: []const u32) errors.Error!void {
        ids.appendSlice(scratch, more) catch return errors.outOfMemory("a prompt");
    }

    fn join(scratch: std.mem.Allocator, parts: []const []const u8) errors.Error![]u8 {
        return std.mem.concat(scratch, u8, parts) catch errors.outOfMemory("a prompt");
    }

    /// The official name where the dimensions are an official size's.
    pub fn name(self: *const Model) []const u8 {
        const c = self.config;
        if (c.kind == .aligner) {
            return if (c.text.hidden == 1024 and c.audio.d_model == 1024)
                "Qwen3-ForcedAligner-0.6B"
            else
                "Qwen3-ForcedAligner (custom size)";
        }
        if (c.text.hidden == 1024 and c.text.layers == 28 and c.audio.d_model == 896) return "Qwen3-ASR-0.6B";
        if (c.text.hidden == 2048 and c.text.layers == 28 and c.audio.d_model == 1024) return "Qwen3-ASR-1.7B";
        return "Qwen3-ASR (custom size)";
    }

    /// The JSON of qasr_model_info.
    pub fn info(self: *const Model, allocator: std.mem.Allocator) errors.Error![]u8 {
        const c = self.config;
        return std.json.Stringify.valueAlloc(allocator, .{
            .kind = @tagName(c.kind),
            .name = self.name(),
            .isa = self.isa.name(),
            .isa_notice = self.isa.notice,
            .blas = blas.name(),
            .weights = @tagName(self.precision),
            .cache = if (self.cache) |cache| cache.info else null,
            .threads = self.compute.pool.threadsCount(),
            .hidden = c.text.hidden,
            .positions_max = c.text.positions_max,
            .step_max = decoder_.Decoder.step_max,
            .position_bytes = self.needs.position_bytes,
            .session_bytes = self.needs.session_bytes,
            .row_bytes = self.needs.row_bytes,
            .block_rows = self.needs.block_rows,
            .encoder_bytes = self.needs.encoder_bytes,
            .classes = c.classes,
            .timestamp_segment_ms = c.timestamp_segment_ms,
            .tensors_used = self.weights.tensors_used,
            .tensors_unused = self.weights.tensors_unused,
            .audio = c.audio,
            .text = c.text,
            .tokens = self.special,
            .languages = c.languages,
        }, .{}) catch errors.outOfMemory("the model's description");
    }
};
