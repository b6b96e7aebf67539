//! Root of each instruction set's object: the kernels instantiated at its width, exported as one
//! hidden table, `qasr_kernels_<name>`. A second one, `qasr_tiles_<name>`, multiplies tiles in plain Zig.

const isa = @import("isa");
const std = @import("std");
const kernels = @import("kernels.zig");
const tiles = @import("tiles.zig");
const tile_product = @import("tile_product.zig");
const vec = @import("vec.zig");
const lanes = isa.lanes;
const matrix = @import("matrix.zig").Matrix(lanes);
const many_rows = @import("many_rows.zig");
const quantized = @import("quantized.zig");
const side_by_side = @import("side_by_side.zig");
const rectified = @import("rectified.zig");
const rounding = @import("rounding.zig");
const rows = @import("rows.zig").Rows(lanes);
const attention = @import("attention.zig").Attention(lanes);
const filter_bank = @import("filter_bank.zig");
const layers = @import("layers.zig").Layers(lanes);

const table: kernels.Table = .{
    .lanes = lanes,
    .int8_bias = quantized.bias,
    .int8_activation_bytes = quantized.activation_bytes,
    .pack_panel = quantized.pack,
    .int8_quantize = rounding.quantize,
    .int8_gemm = if (side_by_side.is_used) side_by_side.gemm else many_rows.gemm,
    .rectified_weight_bytes = rectified.weight_bytes,
    .rectified_pack = rectified.pack,
    .rectified_affine = rectified.roundAffine,
    .rectified_first = rectified.first,
    .rectified_gemm = rectified.gemm,
    .widen = matrix.widen,
    .gemv = matrix.gemv,
    .pack = matrix.pack,
    .gemm = matrix.gemm,
    .layer_norm = rows.layerNorm,
    .rms_norm = rows.rmsNorm,
    .rope = rows.rope,
    .gelu = rows.gelu,
    .swiglu = rows.swiglu,
    .add = rows.add,
    .narrow = rows.narrow,
    .attention = attention.run,
    .peak = rows.peak,
    .affine = layers.affine,
    .pool = layers.pool,
    .moments = layers.moments,
    .filter_bank = filter_bank.run,
    .lstm = layers.lstm,
    .tile_pack = tile_product.pack,
    .tile_gemm = if (std.mem.eql(u8, isa.name, "amx")) tile_product.Product(tiles.Amx).run else null,
};

const with_plain_tiles = plain: {
    var other = table;
    other.tile_gemm = tile_product.Product(tiles.Plain).run;
    break :plain other;
};

comptime {
    @export(&table, .{ .name = "qasr_kernels_" ++ isa.name, .visibility = .hidden });
    @export(&with_plain_tiles, .{ .name = "qasr_tiles_" ++ isa.name, .visibility = .hidden });
}
