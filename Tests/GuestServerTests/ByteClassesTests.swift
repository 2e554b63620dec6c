import Testing

@testable import GuestServer

@Suite("Classes of bytes")
struct ByteClassesTests {
  @Test("a field's value may hold any byte but controls, the tab excepted, wherever it stands")
  func fieldValues() {
    // Longer than what is looked at together, so that each byte has every place in it.
    for byte in UInt8.min...UInt8.max {
      for place in 0..<17 {
        for filler in [UInt8(ascii: "x"), 0xFF, 0x20] {
          var value = [UInt8](repeating: filler, count: 17)
          value[place] = byte
          let isFine = (byte >= 0x20 && byte != 0x7F) || byte == 0x09
          let areFieldValue = value.span.areFieldValue
          #expect(areFieldValue == isFine, "\(byte) at \(place)")
        }
      }
    }
    let isEmptyFine = [UInt8]().span.areFieldValue
    #expect(isEmptyFine)
  }
}
