//! The model's weights by role: every tensor found under either naming, its dtype and shape
//! checked.
//!
//! In: a `safetensors.Checkpoint` and the `Config` of the same folder. Out: plain structs. Matrices
//! stay where the file is mapped, in the file's dtype, row-major [out][in], and none of their pages
//! is touched here; norms and biases are widened to f32 once. Nothing is computed.
//!
//! Two names for everything: the original `thinker.*`, and those of `-hf` checkpoints. The head is
//! the embedding when the config ties them, even if the file stores a copy as the official ones do:
//! that copy is never read.

const std = @import("std");
const config_file = @import("config.zig");
const errors = @import("../errors.zig");
const files = @import("files.zig");
const safetensors = @import("safetensors.zig");

const assert = std.debug.assert;
const Allocator = std.mem.Allocator;
const Checkpoint = safetensors.Checkpoint;
const Config = config_file.Config;
const Dtype = @import("../kernels/kernels.zig").Dtype;
const Error = errors.Error;
const Matrix = @import("../compute/matrix.zig").Matrix;
const Tensor = safetensors.Tensor;
const fail = errors.fail;
const quote = files.quote;
const formatShape = safetensors.formatShape;

pub const Vector = []const f32;

pub const Convolution = struct { weight: Matrix, bias: Vector };

pub const EncoderLayer = struct {
    norm1_weight: Vector,
    norm1_bias: Vector,
    q: Matrix,
    q_bias: Vector,
    k: Matrix,
    k_bias: Vector,
    v: Matrix,
    v_bias: Vector,
    out: Matrix,
    out_bias: Vector,
    norm2_weight: Vector, // Stored as `final_layer_norm`, though every layer has one.
    norm2_bias: Vector,
    fc1: Matrix,
    fc1_bias: Vector,
    fc2: Matrix,
    fc2_bias: Vector,
};

pub const EncoderWeights = struct {
    conv: [3]Convolution,
    conv_out: Matrix,
    layers: []EncoderLayer,
    norm_post_weight: Vector,
    norm_post_bias: Vector,
    proj1: Matrix,
    proj1_bias: Vector,
    proj2: Matrix,
    proj2_bias: Vector,
};

pub const DecoderLayer = struct {
    norm1: Vector,
    q: Matrix,
    k: Matrix,
    v: Matrix,
    o: Matrix,
    q_norm: Vector,
    k_norm: Vector,
    norm2: Vector,
    gate: Matrix,
    up: Matrix,
    down: Matrix,
};

pub const DecoderWeights = struct {
    embed: Matrix,
    layers: []DecoderLayer,
    norm: Vector,
    head: Matrix, // The same as `embed` where tied.
};

pub const Head = enum { tied, tied_stored, own };

pub const Weights = struct {
    encoder: EncoderWeights,
    decoder: DecoderWeights,
    head: Head, // Of `tied_stored` the copy in the file is not used.
    naming: []const u8,
    tensors_used: u32,
    tensors_unused: u32,
    tensors_copied: u32, // Those at an odd address in the file.
};

/// Prefixes of one way to name the tensors. Each ends where the module's own name starts.
const Naming = struct {
    name: []const u8,
    encoder: []const u8,
    projector: [2][]const u8,
    decoder: []const u8,
    heads: []const []const u8,
};

const namings = [_]Naming{
    .{
        .name = "original",
        .encoder = "thinker.audio_tower.",
        .projector = .{ "thinker.audio_tower.proj1", "thinker.audio_tower.proj2" },
        .decoder = "thinker.model.",
        .heads = &.{"thinker.lm_head.weight"},
    },
    .{
        .name = "hf",
        .encoder = "model.audio_tower.",
        .projector = .{
            "model.multi_modal_projector.linear_1",
            "model.multi_modal_projector.linear_2",
        },
        .decoder = "model.language_model.",
        .heads = &.{ "lm_head.weight", "score.weight" },
    },
    .{ // As above, saved from the inner model.
        .name = "hf without model",
        .encoder = "audio_tower.",
        .projector = .{ "multi_modal_projector.linear_1", "multi_modal_projector.linear_2" },
        .decoder = "language_model.",
        .heads = &.{ "lm_head.weight", "score.weight" },
    },
    .{ // Original, saved from the inner thinker.
        .name = "original without thinker",
        .encoder = "audio_tower.",
        .projector = .{ "audio_tower.proj1", "audio_tower.proj2" },
        .decoder = "model.",
        .heads = &.{"lm_head.weight"},
    },
};

/// What is returned lives in `arena` and in the checkpoint's files.
pub fn resolve(
    arena: Allocator,
    checkpoint: *const Checkpoint,
    config: *const Config,
) Error!Weights {
    return resolveAny(arena, checkpoint, config) catch |reason| switch (reason) {
        error.OutOfMemory => errors.outOfMemory("the weights' table"),
        else => reason,
    };
}

fn resolveAny(
    arena: Allocator,
    checkpoint: *const Checkpoint,
    config: *const Config,
) Error!Weights {
    var finder: Finder = .{
        .arena = arena,
        .checkpoint = checkpoint,
        .naming = try chooseNaming(checkpoint),
        .used = try .initEmpty(arena, checkpoint.tensors.count()),
    };
    const encoder = try finder.encoder(&config.audio);
    const decoder, const head = try finder.decoder(config);
    try finder.refuseMoreLayers(config);
    const used = finder.used.count();
    assert(used > 0 and used <= checkpoint.tensors.count());
    assert(encoder.layers.len == config.audio.layers and decoder.layers.len == config.text.layers);
    return .{
        .encoder = encoder,
        .decoder = decoder,
        .head = head,
        .naming = finder.naming.name,
        .tensors_used = @intCast(used),
        .tensors_unused = @intCast(checkpoint.tensors.count() - used),
        .tensors_copied = finder.copied,
    };
}

/// The naming under which most of a few well-known tensors are there.
fn chooseNaming(checkpoint: *const Checkpoint) Error!*const Naming {
    var best: *const Naming = &namings[0];
    var best_count: u32 = 0;
    for (&namings) |*naming| {
        const probes = [_][2][]const u8{
            .{ naming.encoder, "conv2d1.weight" },      .{ naming.encoder, "conv_out.weight" },
            .{ naming.projector[0], ".weight" },        .{ naming.projector[1], ".weight" },
            .{ naming.decoder, "embed_tokens.weight" }, .{ naming.decoder, "norm.weight" },
        };
        var count: u32 = 0;
        for (probes) |probe| {
            var buffer: [96]u8 = undefined;
            const name = std.fmt.bufPrint(
                &buffer,
                "{s}{s}",
                .{ probe[0], probe[1] },
            ) catch unreachable;
            count += @intFromBool(checkpoint.find(name) != null);
        }
        if (count > best_count) {
            best = naming;
            best_count = count;
        }
    }
    if (best_count > 0) return best;
    return fail(error.Model, "{s}: has none of the tensors of a Qwen3-ASR model " ++
        "(its first is \"{f}\")", .{
        checkpoint.path, quote(checkpoint.tensors.keys()[0]),
    });
}

/// Looks tensors up by name, checks and marks them.
const Finder = struct {
    arena: Allocator,
    checkpoint: *const Checkpoint,
    naming: *const Naming,
    used: std.DynamicBitSetUnmanaged,
    copied: u32 = 0,

    fn encoder(self: *Finder, audio: *const config_file.Audio) Error!EncoderWeights {
        const prefix = self.naming.encoder;
        const d = audio.d_model;
        const channels = audio.conv_channels;
        var conv: [3]Convolution = undefined;
        for (&conv, [_][]const u8{ "conv2d1", "conv2d2", "conv2d3" }, 0..) |*one, name, i| {
            const inputs = if (i == 0) 1 else channels;
            one.* = .{
                .weight = try self.kernel(prefix, name, channels, inputs),
                .bias = try self.vector(prefix, name, ".bias", channels),
            };
        }
        // Three strided convolutions leave an eighth of the mel bins.
        const conv_out = try self.matrix(
            prefix,
            "conv_out",
            d,
            channels * ((audio.mel_bins + 7) / 8),
        );
        const layers = try self.arena.alloc(EncoderLayer, audio.layers);
        for (layers, 0..) |*layer, i| layer.* = try self.encoderLayer(audio, i);
        return .{
            .conv = conv,
            .conv_out = conv_out,
            .layers = layers,
            .norm_post_weight = try self.vector(prefix, "ln_post", ".weight", d),
            .norm_post_bias = try self.vector(prefix, "ln_post", ".bias", d),
            .proj1 = try self.matrix(self.naming.projector[0], "", d, d),
            .proj1_bias = try self.vector(self.naming.projector[0], "", ".bias", d),
            .proj2 = try self.matrix(self.naming.projector[1], "", audio.output_dim, d),
            .proj2_bias = try self.vector(self.naming.projector[1], "", ".bias", audio.output_dim),
        };
    }

    fn encoderLayer(
        self: *Finder,
        audio: *const config_file.Audio,
        index: usize,
    ) Error!EncoderLayer {
        const prefix = try std.fmt.allocPrint(
            self.arena,
            "{s}layers.{d}.",
            .{ self.naming.encoder, index },
        );
        const d = audio.d_model;
        return .{
            .norm1_weight = try self.vector(prefix, "self_attn_layer_norm", ".weight", d),
            .norm1_bias = try self.vector(prefix, "self_attn_layer_norm", ".bias", d),
            .q = try self.matrix(prefix, "self_attn.q_proj", d, d),
            .q_bias = try self.vector(prefix, "self_attn.q_proj", ".bias", d),
            .k = try self.matrix(prefix, "self_attn.k_proj", d, d),
            .k_bias = try self.vector(prefix, "self_attn.k_proj", ".bias", d),
            .v = try self.matrix(prefix, "self_attn.v_proj", d, d),
            .v_bias = try self.vector(prefix, "self_attn.v_proj", ".bias", d),
            .out = try self.matrix(prefix, "self_attn.out_proj", d, d),
            .out_bias = try self.vector(prefix, "self_attn.out_proj", ".bias", d),
            .norm2_weight = try self.vector(prefix, "final_layer_norm", ".weight", d),
            .norm2_bias = try self.vector(prefix, "final_layer_norm", ".bias", d),
            .fc1 = try self.matrix(prefix, "fc1", audio.ffn, d),
            .fc1_bias = try self.vector(prefix, "fc1", ".bias", audio.ffn),
            .fc2 = try self.matrix(prefix, "fc2", d, audio.ffn),
            .fc2_bias = try self.vector(prefix, "fc2", ".bias", d),
        };
    }

    fn decoder(self: *Finder, config: *const Config) Error!struct { DecoderWeights, Head } {
        const prefix = self.naming.decoder;
        const text = &config.text;
        const embed = try self.matrix(prefix, "embed_tokens", text.vocab, text.hidden);
        const layers = try self.arena.alloc(DecoderLayer, text.layers);
        for (layers, 0..) |*layer, i| layer.* = try self.decoderLayer(text, i);
        const norm = try self.vector(prefix, "norm", ".weight", text.hidden);
        const head_matrix, const head = try self.resolveHead(config, embed);
        return .{ .{ .embed = embed, .layers = layers, .norm = norm, .head = head_matrix }, head };
    }

    fn decoderLayer(self: *Finder, text: *const config_file.Text, index: usize) Error!DecoderLayer {
        const prefix = try std.fmt.allocPrint(
            self.arena,
            "{s}layers.{d}.",
            .{ self.naming.decoder, index },
        );
        const hidden = text.hidden;
        const q_rows = text.heads * text.head_dim;
        const kv_rows = text.kv_heads * text.head_dim;
        return .{
            .norm1 = try self.vector(prefix, "input_layernorm", ".weight", hidden),
            .q = try self.matrix(prefix, "self_attn.q_proj", q_rows, hidden),
            .k = try self.matrix(prefix, "self_attn.k_proj", kv_rows, hidden),
            .v = try self.matrix(prefix, "self_attn.v_proj", kv_rows, hidden),
            .o = try self.matrix(prefix, "self_attn.o_proj", hidden, q_rows),
            .q_norm = try self.vector(prefix, "self_attn.q_norm", ".weight", text.head_dim),
            .k_norm = try self.vector(prefix, "self_attn.k_norm", ".weight", text.head_dim),
            .norm2 = try self.vector(prefix, "post_attention_layernorm", ".weight", hidden),
            .gate = try self.matrix(prefix, "mlp.gate_proj", text.ffn, hidden),
            .up = try self.matrix(prefix, "mlp.up_proj", text.ffn, hidden),
            .down = try self.matrix(prefix, "mlp.down_proj", hidden, text.ffn),
        };
    }

    fn resolveHead(
        self: *Finder,
        config: *const Config,
        embed: Matrix,
    ) Error!struct { Matrix, Head } {
        const stored = for (self.naming.heads) |name| {
            if (self.checkpoint.find(name)) |tensor| break tensor;
        } else null;
        if (config.text.tied) return .{ embed, if (stored == null) .tied else .tied_stored };
        const tensor = stored orelse {
            if (!config.text.tied_stated) return .{ embed, .tied };
            return fail(error.Model, "{s}: tensor \"{s}\" is missing, " ++
                "and the config does not tie it to the embedding", .{
                self.checkpoint.path,
                self.naming.heads[0],
            });
        };
        const rows = if (config.kind == .aligner) config.classes else config.text.vocab;
        return .{ try self.checkedMatrix(tensor, &.{ rows, config.text.hidden }), .own };
    }

    /// A model with more layers than the config says would run, and be wrong.
    fn refuseMoreLayers(self: *Finder, config: *const Config) Error!void {
        const cases = [_]struct { []const u8, u32, []const u8 }{
            .{ self.naming.encoder, config.audio.layers, "fc1.weight" },
            .{ self.naming.decoder, config.text.layers, "mlp.up_proj.weight" },
        };
        for (cases) |case| {
            const prefix, const layers, const last = case;
            const name = try std.fmt.allocPrint(
                self.arena,
                "{s}layers.{d}.{s}",
                .{ prefix, layers, last },
            );
            const tensor = self.checkpoint.find(name) orelse continue;
            return fail(error.Model, "{s}: tensor \"{s}\" is of a layer too many, " ++
                "the config has {d}", .{
                tensor.file, name, layers,
            });
        }
    }

    fn find(
        self: *Finder,
        prefix: []const u8,
        name: []const u8,
        suffix: []const u8,
    ) Error!*const Tensor {
        var buffer: [256]u8 = undefined;
        const full = std.fmt.bufPrint(
            &buffer,
            "{s}{s}{s}",
            .{ prefix, name, suffix },
        ) catch unreachable;
        return self.checkpoint.find(full) orelse
            fail(error.Model, "{s}: tensor \"{s}\" is missing", .{ self.checkpoint.path, full });
    }

    fn matrix(
        self: *Finder,
        prefix: []const u8,
        name: []const u8,
        rows: u32,
        columns: u32,
    ) Error!Matrix {
        return self.checkedMatrix(try self.find(prefix, name, ".weight"), &.{ rows, columns });
    }

    /// A 3 x 3 convolution.
    fn kernel(
        self: *Finder,
        prefix: []const u8,
        name: []const u8,
        outputs: u32,
        inputs: u32,
    ) Error!Matrix {
        return self.checkedMatrix(
            try self.find(prefix, name, ".weight"),
            &.{ outputs, inputs, 3, 3 },
        );
    }

    /// The first dimension becomes the rows.
    fn checkedMatrix(self: *Finder, tensor: *const Tensor, shape: []const u64) Error!Matrix {
        const dtype = try self.check(tensor, shape);
        var columns: u64 = 1;
        for (shape[1..]) |dimension| columns *= dimension;
        // The file's reader has compared the bytes with the shape, `check` the shape with the config.
        assert(tensor.bytes.len == shape[0] * columns * dtype.size());
        return .{
            .rows = @intCast(shape[0]),
            .columns = @intCast(columns),
            .dtype = dtype,
            .bytes = try self.aligned(tensor.bytes, dtype),
        };
    }

    fn vector(
        self: *Finder,
        prefix: []const u8,
        name: []const u8,
        suffix: []const u8,
        length: u32,
    ) Error!Vector {
        const tensor = try self.find(prefix, name, suffix);
        const dtype = try self.check(tensor, &.{length});
        assert(tensor.bytes.len == length * dtype.size());
        const values = try self.arena.alloc(f32, length);
        for (values, 0..) |*value, i| value.* = element(tensor.bytes, dtype, i);
        return values;
    }

    /// Refuses a wrong dtype or shape, else marks the tensor as used.
    fn check(self: *Finder, tensor: *const Tensor, shape: []const u64) Error!Dtype {
        const dtype: Dtype = switch (tensor.dtype) {
            .bf16 => .bf16,
            .f16 => .f16,
            .f32 => .f32,
            else => return fail(error.Model, "{s}: tensor \"{f}\" is {t}, not bf16, f16 or f32", .{
                tensor.file, quote(tensor.name), tensor.dtype,
            }),
        };
        if (!std.mem.eql(u64, tensor.shape(), shape)) {
            return fail(error.Model, "{s}: tensor \"{f}\" has shape {f}, " ++
                "the config makes it {f}", .{
                tensor.file, quote(tensor.name), formatShape(tensor.shape()), formatShape(shape),
            });
        }
        self.used.set(self.checkpoint.tensors.getIndex(tensor.name).?);
        return dtype;
    }

    /// The format lets data start anywhere; what does not lie on an element's boundary is copied to
    /// where it does.
    fn aligned(self: *Finder, bytes: []const u8, dtype: Dtype) Error![*]const u8 {
        if (@intFromPtr(bytes.ptr) % dtype.size() == 0) return bytes.ptr;
        const copy = try self.arena.alignedAlloc(u8, .@"4", bytes.len);
        assert(@intFromPtr(copy.ptr) % dtype.size() == 0);
        @memcpy(copy, bytes);
        self.copied += 1;
        return copy.ptr;
    }
};

/// Element `index` of `bytes`, exactly.
pub fn element(bytes: []const u8, dtype: Dtype, index: usize) f32 {
    return switch (dtype) {
        .bf16 => @bitCast(@as(u32, std.mem.readInt(u16, bytes[index * 2 ..][0..2], .little)) << 16),
        .f16 => @as(f16, @bitCast(std.mem.readInt(u16, bytes[index * 2 ..][0..2], .little))),
        .f32 => @bitCast(std.mem.readInt(u32, bytes[index * 4 ..][0..4], .little)),
    };
}
