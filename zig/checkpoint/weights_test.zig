//! Tests of weights.zig: synthetic checkpoints of a few kB in every naming and in every state of
//! damage, and the nano fixtures.

const std = @import("std");
const config_file = @import("config.zig");
const Dtype = @import("../kernels/kernels.zig").Dtype;
const errors = @import("../errors.zig");
const Matrix = @import("../compute/matrix.zig").Matrix;
const files = @import("files.zig");
const safetensors = @import("safetensors.zig");
const weights = @import("weights.zig");

const Allocator = std.mem.Allocator;
const testing = std.testing;

/// One tensor of a synthetic checkpoint. Every element is its number in the file's order, so
/// mix-ups show.
pub const Entry = struct { name: []const u8, shape: []const u64, dtype: Dtype = .bf16 };

/// The tensors of `config.test_original`, under its names.
pub const entries = [_]Entry{
    .{ .name = "thinker.audio_tower.conv2d1.weight", .shape = &.{ 2, 1, 3, 3 } },
    .{ .name = "thinker.audio_tower.conv2d1.bias", .shape = &.{2}, .dtype = .f32 },
    .{ .name = "thinker.audio_tower.conv2d2.weight", .shape = &.{ 2, 2, 3, 3 }, .dtype = .f32 },
    .{ .name = "thinker.audio_tower.conv2d2.bias", .shape = &.{2}, .dtype = .f16 },
    .{ .name = "thinker.audio_tower.conv2d3.weight", .shape = &.{ 2, 2, 3, 3 }, .dtype = .f16 },
    .{ .name = "thinker.audio_tower.conv2d3.bias", .shape = &.{2} },
    .{ .name = "thinker.audio_tower.conv_out.weight", .shape = &.{ 8, 32 } },
    .{ .name = "thinker.audio_tower.layers.0.self_attn_layer_norm.weight", .shape = &.{8} },
    .{ .name = "thinker.audio_tower.layers.0.self_attn_layer_norm.bias", .shape = &.{8} },
    .{ .name = "thinker.audio_tower.layers.0.self_attn.q_proj.weight", .shape = &.{ 8, 8 } },
    .{ .name = "thinker.audio_tower.layers.0.self_attn.q_proj.bias", .shape = &.{8} },
    .{ .name = "thinker.audio_tower.layers.0.self_attn.k_proj.weight", .shape = &.{ 8, 8 } },
    .{ .name = "thinker.audio_tower.layers.0.self_attn.k_proj.bias", .shape = &.{8} },
    .{ .name = "thinker.audio_tower.layers.0.self_attn.v_proj.weight", .shape = &.{ 8, 8 } },
    .{ .name = "thinker.audio_tower.layers.0.self_attn.v_proj.bias", .shape = &.{8} },
    .{ .name = "thinker.audio_tower.layers.0.self_attn.out_proj.weight", .shape = &.{ 8, 8 } },
    .{ .name = "thinker.audio_tower.layers.0.self_attn.out_proj.bias", .shape = &.{8} },
    .{ .name = "thinker.audio_tower.layers.0.final_layer_norm.weight", .shape = &.{8} },
    .{ .name = "thinker.audio_tower.layers.0.final_layer_norm.bias", .shape = &.{8} },
    .{ .name = "thinker.audio_tower.layers.0.fc1.weight", .shape = &.{ 6, 8 } },
    .{ .name = "thinker.audio_tower.layers.0.fc1.bias", .shape = &.{6} },
    .{ .name = "thinker.audio_tower.layers.0.fc2.weight", .shape = &.{ 8, 6 } },
    .{ .name = "thinker.audio_tower.layers.0.fc2.bias", .shape = &.{8} },
    .{ .name = "thinker.audio_tower.ln_post.weight", .shape = &.{8} },
    .{ .name = "thinker.audio_tower.ln_post.bias", .shape = &.{8} },
    .{ .name = "thinker.audio_tower.proj1.weight", .shape = &.{ 8, 8 } },
    .{ .name = "thinker.audio_tower.proj1.bias", .shape = &.{8} },
    .{ .name = "thinker.audio_tower.proj2.weight", .shape = &.{ 4, 8 } },
    .{ .name = "thinker.audio_tower.proj2.bias", .shape = &.{4} },
    .{ .name = "thinker.model.embed_tokens.weight", .shape = &.{ 10, 4 } },
    .{ .name = "thinker.model.layers.0.input_layernorm.weight", .shape = &.{4} },
    .{ .name = "thinker.model.layers.0.self_attn.q_proj.weight", .shape = &.{ 4, 4 } },
    .{ .name = "thinker.model.layers.0.self_attn.k_proj.weight", .shape = &.{ 2, 4 } },
    .{ .name = "thinker.model.layers.0.self_attn.v_proj.weight", .shape = &.{ 2, 4 } },
    .{ .name = "thinker.model.layers.0.self_attn.o_proj.weight", .shape = &.{ 4, 4 } },
    .{ .name = "thinker.model.layers.0.self_attn.q_norm.weight", .shape = &.{2} },
    .{ .name = "thinker.model.layers.0.self_attn.k_norm.weight", .shape = &.{2} },
    .{ .name = "thinker.model.layers.0.post_attention_layernorm.weight", .shape = &.{4} },
    .{ .name = "thinker.model.layers.0.mlp.gate_proj.weight", .shape = &.{ 6, 4 } },
    .{ .name = "thinker.model.layers.0.mlp.up_proj.weight", .shape = &.{ 6, 4 } },
    .{ .name = "thinker.model.layers.0.mlp.down_proj.weight", .shape = &.{ 4, 6 } },
    .{ .name = "thinker.model.norm.weight", .shape = &.{4} },
};
const head: Entry = .{ .name = "thinker.lm_head.weight", .shape = &.{ 10, 4 } };

/// A safetensors file of these tensors; `shift` bytes of data come first, to lie at odd addresses.
pub fn build(arena: Allocator, list: []const Entry, shift: usize) ![]u8 {
    var json: std.Io.Writer.Allocating = .init(arena);
    var data: std.ArrayList(u8) = .empty;
    try data.appendNTimes(arena, 0, shift);
    try json.writer.writeByte('{');
    for (list, 0..) |item, number| {
        var count: usize = 1;
        for (item.shape) |dimension| count *= @intCast(dimension);
        const begin = data.items.len;
        for (0..count) |_| try appendElement(arena, &data, item.dtype, @floatFromInt(number));
        const dtype = switch (item.dtype) {
            .bf16 => "BF16",
            .f16 => "F16",
            .f32 => "F32",
        };
        const format = "{s}\"{s}\":{{\"dtype\":\"{s}\",\"shape\":{f}," ++
            "\"data_offsets\":[{d},{d}]}}";
        try json.writer.print(format, .{
            if (number == 0) "" else ",",        item.name, dtype,
            safetensors.formatShape(item.shape), begin,     data.items.len,
        });
    }
    try json.writer.writeByte('}');
    while (json.written().len % 8 != 0) try json.writer.writeByte(' ');
    return safetensors.testFile(arena, json.written(), data.items);
}

fn appendElement(
    arena: Allocator,
    data: *std.ArrayList(u8),
    dtype: Dtype,
    value: f32,
) !void {
    const wide: u32 = @bitCast(value);
    switch (dtype) {
        .bf16 => try data.appendSlice(arena, &std.mem.toBytes(@as(u16, @intCast(wide >> 16)))),
        .f16 => try data.appendSlice(arena, &std.mem.toBytes(@as(f16, @floatCast(value)))),
        .f32 => try data.appendSlice(arena, &std.mem.toBytes(value)),
    }
}

/// Opens files in memory whose data start is aligned to 8, as mmap would.
fn open(arena: Allocator, json: []const u8, named: []const files.Named) !weights.Weights {
    const source = try arena.create(files.Source);
    source.* = .fromMemory(arena, named);
    const config = try config_file.parse(arena, "config.json", json);
    const checkpoint = try safetensors.open(arena, source);
    return weights.resolve(arena, &checkpoint, &config);
}

fn openOne(arena: Allocator, json: []const u8, bytes: []const u8) !weights.Weights {
    const placed = try arena.alignedAlloc(u8, .@"8", bytes.len);
    @memcpy(placed, bytes);
    return open(arena, json, &.{.{ .name = "model.safetensors", .bytes = placed }});
}

fn expectRefused(arena: Allocator, list: []const Entry, message: []const u8) !void {
    const bytes = try build(arena, list, 0);
    try testing.expectError(error.Model, openOne(arena, config_file.test_original, bytes));
    try testing.expectEqualStrings(message, errors.message());
}

fn numberOf(name: []const u8) !f32 {
    for (entries, 0..) |item, i| {
        if (std.mem.endsWith(u8, item.name, name)) return @floatFromInt(i);
    }
    return error.NotFound;
}

/// Each role holds the tensor of its name, and no other.
fn expectRoles(found: *const weights.Weights) !void {
    const encoder = &found.encoder.layers[0];
    const decoder = &found.decoder.layers[0];
    const matrices = [_]struct { Matrix, []const u8, u32, u32 }{
        .{ found.encoder.conv[0].weight, "conv2d1.weight", 2, 9 },
        .{ found.encoder.conv[1].weight, "conv2d2.weight", 2, 18 },
        .{ found.encoder.conv[2].weight, "conv2d3.weight", 2, 18 },
        .{ found.encoder.conv_out, "conv_out.weight", 8, 32 },
        .{ encoder.q, "audio_tower.layers.0.self_attn.q_proj.weight", 8, 8 },
        .{ encoder.k, "audio_tower.layers.0.self_attn.k_proj.weight", 8, 8 },
        .{ encoder.v, "audio_tower.layers.0.self_attn.v_proj.weight", 8, 8 },
        .{ encoder.out, "self_attn.out_proj.weight", 8, 8 },
        .{ encoder.fc1, "fc1.weight", 6, 8 },
        .{ encoder.fc2, "fc2.weight", 8, 6 },
        .{ found.encoder.proj1, "proj1.weight", 8, 8 },
        .{ found.encoder.proj2, "proj2.weight", 4, 8 },
        .{ found.decoder.embed, "embed_tokens.weight", 10, 4 },
        .{ decoder.q, "model.layers.0.self_attn.q_proj.weight", 4, 4 },
        .{ decoder.k, "model.layers.0.self_attn.k_proj.weight", 2, 4 },
        .{ decoder.v, "model.layers.0.self_attn.v_proj.weight", 2, 4 },
        .{ decoder.o, "self_attn.o_proj.weight", 4, 4 },
        .{ decoder.gate, "gate_proj.weight", 6, 4 },
        .{ decoder.up, "up_proj.weight", 6, 4 },
        .{ decoder.down, "down_proj.weight", 4, 6 },
    };
    for (matrices) |case| {
        const matrix, const name, const rows, const columns = case;
        try testing.expectEqual(rows, matrix.rows);
        try testing.expectEqual(columns, matrix.columns);
        try testing.expectEqual(0, @intFromPtr(matrix.bytes) % matrix.dtype.size());
        const last = @as(usize, rows) * columns - 1;
        const bytes = matrix.bytes[0..matrix.byteCount()];
        try testing.expectEqual(try numberOf(name), weights.element(bytes, matrix.dtype, last));
    }
    try expectVectors(found);
}

fn expectVectors(found: *const weights.Weights) !void {
    const encoder = &found.encoder.layers[0];
    const decoder = &found.decoder.layers[0];
    const vectors = [_]struct { weights.Vector, []const u8 }{
        .{ found.encoder.conv[0].bias, "conv2d1.bias" },
        .{ found.encoder.conv[1].bias, "conv2d2.bias" },
        .{ found.encoder.conv[2].bias, "conv2d3.bias" },
        .{ encoder.norm1_weight, "self_attn_layer_norm.weight" },
        .{ encoder.norm1_bias, "self_attn_layer_norm.bias" },
        .{ encoder.q_bias, "q_proj.bias" },
        .{ encoder.k_bias, "k_proj.bias" },
        .{ encoder.v_bias, "v_proj.bias" },
        .{ encoder.out_bias, "out_proj.bias" },
        .{ encoder.norm2_weight, "final_layer_norm.weight" },
        .{ encoder.norm2_bias, "final_layer_norm.bias" },
        .{ encoder.fc1_bias, "fc1.bias" },
        .{ encoder.fc2_bias, "fc2.bias" },
        .{ found.encoder.norm_post_weight, "ln_post.weight" },
        .{ found.encoder.norm_post_bias, "ln_post.bias" },
        .{ found.encoder.proj1_bias, "proj1.bias" },
        .{ found.encoder.proj2_bias, "proj2.bias" },
        .{ decoder.norm1, "input_layernorm.weight" },
        .{ decoder.q_norm, "q_norm.weight" },
        .{ decoder.k_norm, "k_norm.weight" },
        .{ decoder.norm2, "post_attention_layernorm.weight" },
        .{ found.decoder.norm, "model.norm.weight" },
    };
    for (vectors) |case| try testing.expectEqual(try numberOf(case[1]), case[0][case[0].len - 1]);
}

test "every role holds its own tensor, in every dtype and at odd addresses" {
    var arena_state = std.heap.ArenaAllocator.init(testing.allocator);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    for ([_]usize{ 0, 1, 2 }) |shift| {
        const found = try openOne(
            arena,
            config_file.test_original,
            try build(arena, &entries, shift),
        );
        try expectRoles(&found);
        try testing.expectEqual(entries.len, found.tensors_used);
        try testing.expectEqual(0, found.tensors_unused);
        try testing.expectEqual(weights.Head.tied, found.head);
        try testing.expectEqual(found.decoder.embed.bytes, found.decoder.head.bytes);
        if (shift == 0) try testing.expectEqual(0, found.tensors_copied);
        if (shift == 1) try testing.expectEqual(20, found.tensors_copied); // Each matrix.
    }
}

test "a renamed, re-sharded and flattened copy is the same model" {
    var arena_state = std.heap.ArenaAllocator.init(testing.allocator);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    const tables = [_][]const [2][]const u8{
        &.{ // -hf
            .{ "thinker.audio_tower.proj1", "model.multi_modal_projector.linear_1" },
            .{ "thinker.audio_tower.proj2", "model.multi_modal_projector.linear_2" },
            .{ "thinker.audio_tower", "model.audio_tower" },
            .{ "thinker.model", "model.language_model" },
        },
        &.{ // The same from the inner model.
            .{ "thinker.audio_tower.proj1", "multi_modal_projector.linear_1" },
            .{ "thinker.audio_tower.proj2", "multi_modal_projector.linear_2" },
            .{ "thinker.audio_tower", "audio_tower" },
            .{ "thinker.model", "language_model" },
        },
        &.{.{ "thinker.", "" }},
    };
    const names = [_][]const u8{ "hf", "hf without model", "original without thinker" };
    for (tables, names) |table, name| {
        const renamed = try renameAll(arena, table);
        const whole = try openOne(arena, config_file.test_flattened, try build(arena, renamed, 0));
        try testing.expectEqualStrings(name, whole.naming);
        try expectRoles(&whole);
    }
    try testing.expectEqualStrings(
        "hf",
        (try openShards(arena, try renameAll(arena, tables[0]))).naming,
    );
}

fn renameAll(arena: Allocator, table: []const [2][]const u8) ![]Entry {
    const renamed = try arena.dupe(Entry, &entries);
    for (renamed) |*item| {
        for (table) |rule| {
            if (!std.mem.startsWith(u8, item.name, rule[0])) continue;
            item.name = try std.mem.concat(arena, u8, &.{ rule[1], item.name[rule[0].len..] });
            break;
        }
    }
    return renamed;
}

/// Spreads the tensors over three files round robin.
fn openShards(arena: Allocator, list: []const Entry) !weights.Weights {
    var index: std.Io.Writer.Allocating = .init(arena);
    var parts: [3]std.ArrayList(Entry) = @splat(.empty);
    try index.writer.writeAll("{\"weight_map\":{");
    for (list, 0..) |item, i| {
        try parts[i % 3].append(arena, item);
        try index.writer.print(
            "{s}\"{s}\":\"{d}.safetensors\"",
            .{ if (i == 0) "" else ",", item.name, i % 3 },
        );
    }
    try index.writer.writeAll("}}");
    var named: [4]files.Named = undefined;
    for (&parts, 0..) |*part, i| {
        const name = try std.fmt.allocPrint(arena, "{d}.safetensors", .{i});
        named[i] = .{ .name = name, .bytes = try build(arena, part.items, 0) };
    }
    named[3] = .{ .name = "model.safetensors.index.json", .bytes = index.written() };
    return open(arena, config_file.test_flattened, try arena.dupe(files.Named, &named));
}

test "each tensor is missed by name, each wrong shape and dtype is told" {
    var arena_state = std.heap.ArenaAllocator.init(testing.allocator);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    for (0..entries.len) |i| {
        const list = try arena.dupe(Entry, &entries);
        list[i].name = "another";
        var message = try std.fmt.allocPrint(
            arena,
            "model.safetensors: tensor \"{s}\" is missing",
            .{entries[i].name},
        );
        try expectRefused(arena, list, message);
        list[i].name = entries[i].name;
        const shape = try arena.dupe(u64, entries[i].shape);
        shape[0] += 1;
        list[i].shape = shape;
        message = try std.fmt.allocPrint(arena, "model.safetensors: " ++
            "tensor \"{s}\" has shape {f}, " ++
            "the config makes it {f}", .{
            entries[i].name,
            safetensors.formatShape(shape),
            safetensors.formatShape(entries[i].shape),
        });
        try expectRefused(arena, list, message);
        // As many elements, one dimension more.
        list[i].shape = try std.mem.concat(arena, u64, &.{ entries[i].shape, &.{1} });
        try testing.expectError(
            error.Model,
            openOne(arena, config_file.test_original, try build(arena, list, 0)),
        );
    }
    const bytes = try build(arena, &entries, 0);
    const at = std.mem.indexOf(u8, bytes, "BF16").?;
    @memcpy(bytes[at..][0..4], "I16 ");
    bytes[at + 3] = '"';
    bytes[at + 4] = ' ';
    try testing.expectError(error.Model, openOne(arena, config_file.test_original, bytes));
    try testing.expectEqualStrings(
        "model.safetensors: tensor \"thinker.audio_tower.conv2d1.weight\" is i16, " ++
            "not bf16, f16 or f32",
        errors.message(),
    );
    const other = [_]Entry{.{ .name = "encoder.conv1.weight", .shape = &.{1} }};
    try expectRefused(arena, &other, "model.safetensors: " ++
        "has none of the tensors of a Qwen3-ASR model " ++
        "(its first is \"encoder.conv1.weight\")");
    const more = entries ++ [_]Entry{.{
        .name = "thinker.model.layers.1.mlp.up_proj.weight",
        .shape = &.{ 6, 4 },
    }};
    try expectRefused(arena, &more, "model.safetensors: " ++
        "tensor \"thinker.model.layers.1.mlp.up_proj.weight\" " ++
        "is of a layer too many, the config has 1");
}

test "the head: tied, stored though tied, its own, missing" {
    var arena_state = std.heap.ArenaAllocator.init(testing.allocator);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    const without = try build(arena, &entries, 0);
    const with = try build(arena, &(entries ++ .{head}), 0);
    const tie = ",\n\"tie_word_embeddings\":true";
    const tied = config_file.test_original;
    const untied = try std.mem.replaceOwned(
        u8,
        arena,
        tied,
        "\"tie_word_embeddings\":true",
        "\"tie_word_embeddings\":false",
    );
    const silent = try std.mem.replaceOwned(u8, arena, tied, tie, "");
    try testing.expect(silent.len < tied.len);

    const copy = try openOne(arena, tied, with);
    try testing.expectEqual(weights.Head.tied_stored, copy.head);
    try testing.expectEqual(copy.decoder.embed.bytes, copy.decoder.head.bytes);
    try testing.expectEqual(1, copy.tensors_unused);

    const own = try openOne(arena, untied, with);
    try testing.expectEqual(weights.Head.own, own.head);
    try testing.expect(own.decoder.embed.bytes != own.decoder.head.bytes);
    try testing.expectEqual(0, own.tensors_unused);

    try testing.expectEqual(weights.Head.own, (try openOne(arena, silent, with)).head);
    try testing.expectEqual(weights.Head.tied, (try openOne(arena, silent, without)).head);

    try testing.expectError(error.Model, openOne(arena, untied, without));
    try testing.expectEqualStrings("model.safetensors: " ++
        "tensor \"thinker.lm_head.weight\" is missing, " ++
        "and the config does not tie it to the embedding", errors.message());
}

test "the fixtures open whole, and cut nowhere" {
    try expectFixture("nano-asr", 177, 151936);
    try expectFixture("nano-aligner", 178, 5000);
}

fn expectFixture(name: []const u8, tensors: u32, head_rows: u32) !void {
    var arena_state = std.heap.ArenaAllocator.init(testing.allocator);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    var source = try files.testFolder(arena, name);
    defer source.close();
    const json = (try source.get("config.json")).?;
    const bytes = (try source.get("model.safetensors")).?;
    const found = try open(arena, json, &.{.{ .name = "model.safetensors", .bytes = bytes }});
    try testing.expectEqual(tensors, found.tensors_used);
    try testing.expectEqual(0, found.tensors_unused + found.tensors_copied);
    try testing.expectEqual(head_rows, found.decoder.head.rows);
    for (0..200) |i| {
        const length = if (i < 100) i * 256 else bytes.len - 1 - (i - 100) * (bytes.len / 101);
        const named = [_]files.Named{.{ .name = "model.safetensors", .bytes = bytes[0..length] }};
        try testing.expectError(error.Model, open(arena, json, &named));
        try testing.expect(std.mem.startsWith(u8, errors.message(), "model.safetensors: "));
    }
}
