import Foundation
import Inventory
import Testing

@Suite("A JSON document that is written as it is made")
struct JSONWriterTests {
  @Test("a text is escaped wherever in it the letter stands, and only where it must be")
  func escapes() throws {
    // Longer than the words that are looked at together, so that each letter has every place in one.
    for code in UInt8(0)...0x7F {
      for place in 0..<17 {
        var letters = [UInt8](repeating: UInt8(ascii: "x"), count: 17)
        letters[place] = code
        let text = String(decoding: letters, as: UTF8.self)
        var json = JSONWriter(capacity: 1)
        json.array { $0.put(text) }
        let bytes = json.finished()
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
      var json = JSONWriter()
      json.put(before + "ü😀")
      #expect(json.finished() == Array("\"\(before)\\u00fc\\ud83d\\ude00\"".utf8))
    }
  }

  @Test("members and elements are separated as Python does, empty or nested")
  func separators() {
    var json = JSONWriter(capacity: 1)
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
    let text = String(decoding: json.finished(), as: UTF8.self)
    #expect(
      text
        == #"{"none": null, "empty": {}, "list": [-1, [], {"n": 1234567}, true], "a \"key\"": "last"}"#
    )
  }

  @Test(
    "numbers are written as text says them",
    arguments: [0, 9, 10, 99, 100, 255, 999, 1000, -1, .max, .min])
  func numbers(_ number: Int) {
    var json = JSONWriter()
    json.put(number)
    #expect(json.finished() == Array(String(number).utf8))
  }
}
