//! Builds libqwen_asr: the engine in ReleaseSafe, and one object of kernels per instruction set in
//! ReleaseFast, chosen among at run time. `zig build test` runs the native tests.

const std = @import("std");
const x86 = std.Target.x86;
const arm = std.Target.aarch64;

const Blas = enum { none, openblas, accelerate };

const Isa = struct {
    name: []const u8,
    /// Vector width in f32 elements.
    lanes: u32,
    model: ?*const std.Target.Cpu.Model = null,
    /// Beyond the model's.
    features: std.Target.Cpu.Feature.Set = .empty,
};

/// The sets that kernels are compiled for. zig/compute/cpu.zig says how each is recognised.
const isas_x86 = [_]Isa{
    .{ .name = "generic", .lanes = 4, .model = &x86.cpu.x86_64 },
    .{ .name = "avx2", .lanes = 8, .model = &x86.cpu.x86_64_v3 },
    .{
        .name = "avxvnni",
        .lanes = 8,
        .model = &x86.cpu.x86_64_v3,
        .features = x86.featureSet(&.{.avxvnni}),
    },
    .{ .name = "avx512", .lanes = 16, .model = &x86.cpu.x86_64_v4 },
    .{
        .name = "avx512vnni",
        .lanes = 16,
        .model = &x86.cpu.x86_64_v4,
        .features = x86.featureSet(&.{.avx512vnni}),
    },
    // The last: see isasOf.
    .{
        .name = "amx",
        .lanes = 16,
        .model = &x86.cpu.x86_64_v4,
        // What the assembler must know; the compiler has no use for tiles of its own.
        .features = x86.featureSet(&.{ .avx512vnni, .amx_tile, .amx_bf16 }),
    },
};
const isas_arm = [_]Isa{
    .{ .name = "generic", .lanes = 1 },
    .{ .name = "neon", .lanes = 4 },
    .{ .name = "dotprod", .lanes = 4, .features = arm.featureSet(&.{.dotprod}) },
};

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});
    const blas = b.option(Blas, "blas", "what multiplies f32 matrices: none = our own kernels") orelse
        if (target.result.os.tag.isDarwin()) Blas.accelerate else .none;
    const openblas_a = b.option([]const u8, "openblas-a", "path of libopenblas.a") orelse
        "/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.a";
    const filter = b.option([]const []const u8, "test-filter", "run tests with this in their name");
    const test_root = b.option([]const u8, "test-root", "run the tests of this file and of what it imports") orelse
        "zig/tests.zig";

    const options = b.addOptions();
    options.addOption(Blas, "blas", blas);
    options.addOption([]const []const u8, "isas", namesOf(b, isasOf(target)));
    const kernels = compileKernels(b, target, optimize);
    var modules: [2]*std.Build.Module = undefined;
    for (&modules, [_][]const u8{ "zig/abi.zig", test_root }) |*module, root| {
        module.* = b.createModule(.{
            .root_source_file = b.path(root),
            .target = target,
            .optimize = optimize,
            .link_libc = true,
            .pic = true,
            .strip = optimize != .Debug,
        });
        module.*.addOptions("config", options);
        for (kernels) |object| module.*.addObject(object);
        switch (blas) {
            .none, .accelerate => {}, // zig/compute/blas.zig opens Accelerate: it needs no SDK so.
            .openblas => module.*.addObjectFile(.{ .cwd_relative = openblas_a }),
        }
    }

    const library = b.addLibrary(.{ .name = "qwen_asr", .linkage = .dynamic, .root_module = modules[0] });
    if (target.result.os.tag == .linux) {
        library.setVersionScript(b.path("zig/exports.map"));
        library.link_gc_sections = true;
    }
    b.installArtifact(library);

    // The LLVM backend also in Debug: the kernels' objects are made by it.
    const tests = b.addTest(.{
        .root_module = modules[1],
        .filters = filter orelse &.{},
        .use_llvm = true,
    });
    const run_tests = b.addRunArtifact(tests);
    run_tests.has_side_effects = true; // A cached run would print no counts.
    b.step("test", "Run the native tests").dependOn(&run_tests.step);
}

fn isasOf(target: std.Build.ResolvedTarget) []const Isa {
    return switch (target.result.cpu.arch) {
        // Linux alone grants tiles.
        .x86_64 => if (target.result.os.tag == .linux) &isas_x86 else isas_x86[0 .. isas_x86.len - 1],
        .aarch64 => &isas_arm,
        else => @panic("qwen-asr runs on x86_64 and aarch64"),
    };
}

fn namesOf(b: *std.Build, isas: []const Isa) []const []const u8 {
    const names = b.allocator.alloc([]const u8, isas.len) catch @panic("OOM");
    for (names, isas) |*name, isa| name.* = isa.name;
    return names;
}

/// Compiles zig/kernels/isa.zig once per instruction set; the objects differ in target and in lanes.
fn compileKernels(
    b: *std.Build,
    target: std.Build.ResolvedTarget,
    optimize: std.builtin.OptimizeMode,
) []const *std.Build.Step.Compile {
    const isas = isasOf(target);
    const objects = b.allocator.alloc(*std.Build.Step.Compile, isas.len) catch @panic("OOM");
    for (isas, objects) |isa, *object| {
        var query = target.query;
        if (isa.model) |model| {
            query.cpu_model = .{ .explicit = model };
            query.cpu_features_sub = .empty;
        }
        query.cpu_features_add = isa.features;
        // They call no libc, so that a release compiles them once for all of Linux.
        if (target.result.isMuslLibC()) {
            query.abi = .gnu;
            query.glibc_version = .{ .major = 2, .minor = 28, .patch = 0 };
        }
        const options = b.addOptions();
        options.addOption([]const u8, "name", isa.name);
        options.addOption(u32, "lanes", isa.lanes);
        object.* = b.addObject(.{
            .name = b.fmt("kernels_{s}", .{isa.name}),
            .root_module = b.createModule(.{
                .root_source_file = b.path("zig/kernels/isa.zig"),
                .target = b.resolveTargetQuery(query),
                .optimize = .ReleaseFast,
                .pic = true,
                .strip = optimize != .Debug,
            }),
        });
        object.*.root_module.addOptions("isa", options);
    }
    return objects;
}
