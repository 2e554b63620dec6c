/// Ways of cutting an input, which depend on nothing but the input.
enum Pieces {
  /// Whole, byte by byte, and in pieces of all sizes.
  static func ways(of input: [UInt8]) -> [[ArraySlice<UInt8>]] {
    [[input[...]], input.indices.map { input[$0...$0] }, uneven(input)]
  }

  private static func uneven(_ input: [UInt8]) -> [ArraySlice<UInt8>] {
    // FNV-1a: any number that follows from the input.
    var state = input.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01B3
    }
    var pieces: [ArraySlice<UInt8>] = []
    var rest = input[...]
    while !rest.isEmpty {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let piece = rest.prefix(1 + Int(state >> 33) % (state >> 63 == 0 ? 8 : 2048))
      pieces.append(piece)
      rest = rest.dropFirst(piece.count)
    }
    return pieces
  }
}
