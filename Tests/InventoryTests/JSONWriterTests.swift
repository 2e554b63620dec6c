import Foundation
import Inventory
import Testing

@Suite("A JSON document that is written as it is made")
struct JSONWriterTests {
  @Test("a text is escaped wherever in it the letter stands, and only where it must be")
  func escapes() throws {
    // Letters are looked at together, few in another way than many: each has every place in each.
    let places = [1, 2, 3, 5, 7, 8, 15, 16, 17, 33].flatMap { count in
      (0..<count).map { (count, $0) }
    }
    for code in UInt8(0)...0x7F {
      for (count, place) in places {
        var letters = [UInt8](repeating: UInt8(ascii: "x"), count: count)
        letters[place] = code
        let text = String(decoding: letters, as: UTF8.self)
        let bytes = JSONWriter.bytes(capacity: 1) { json in json.array { $0.put(text) } }
        #expect(bytes.allSatisfy { (0x20...0x7E).contains($0) })
        let isPlain = (0x20...0x7E).contains(code) && code != 0x22 && code != 0x5C
        #expect((bytes.count == 4 + letters.count) == isPlain, "letter \(code) at \(place)")
        #expect(try JSONDecoder().decode([String].self, from: Data(bytes)) == [text])
      }
    }
  }

  @Test("what is not ASCII is written as Python does, at any place")
  func unicode() {
    for place in 0..<9 {
      let before = String(repeating: "x", count: place)
      let bytes = JSONWriter.bytes { $0.put(before + "ü😀") }
      #expect(bytes == Array("\"\(before)\\u00fc\\ud83d\\ude00\"".utf8))
    }
  }

  @Test("members and elements are separated as Python does, empty or nested")
  func separators() {
    let bytes = JSONWriter.bytes(capacity: 1) { json in
      json.object { json in
        json.put("none", nil as ByteText?)
        json.put("empty", object: { _ in })
        json.put(
          "list",
          array: { json in
            json.put(-1)
            json.array { _ in }
            json.object { $0.put("n", 1_234_567) }
            json.put(true)
          })
        json.key("a \"key\"")
        json.put("last")
      }
    }
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(
      text
        == #"{"none": null, "empty": {}, "list": [-1, [], {"n": 1234567}, true], "a \"key\"": "last"}"#
    )
  }

  @Test(
    "numbers are written as text says them",
    arguments: [0, 9, 10, 99, 100, 255, 999, 1000, -1, .max, .min])
  func numbers(_ number: Int) {
    let bytes = JSONWriter.bytes { $0.put(number) }
    #expect(bytes == Array(String(number).utf8))
  }
}
