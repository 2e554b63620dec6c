import Inventory
import Testing

@Suite("JSON")
struct JSONTests {
  @Test(
    "a document is written as Python writes it",
    arguments: [
      (#"{"b":1,"a":[true,false,null]}"#, #"{"b": 1, "a": [true, false, null]}"#),
      (
        #"{"whole":1.0,"big":1e22,"small":1e-5,"half":0.5}"#,
        #"{"whole": 1.0, "big": 1e+22, "small": 1e-05, "half": 0.5}"#
      ),
      (#""ü🚀</>\u00fc""#, #""\u00fc\ud83d\ude80</>\u00fc""#),
      (#""\n\t\"\\\/\u0001""#, #""\n\t\"\\/\u0001""#),
      ("123456789012345678901234567890", "123456789012345678901234567890"),
      ("[]", "[]"), ("{}", "{}"), ("-0", "-0"), ("\u{7f}".debugQuoted, #""\u007f""#),
    ])
  func writes(source: String, text: String) throws {
    #expect(try JSONValue(parsing: source).text == text)
  }

  @Test(
    "what is no JSON is refused",
    arguments: [
      "", " ", "{", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "01", "1.", ".5", "+1", "nul", "tru",
      "\"\u{1}\"", "\"\\x\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "1 2", "NaN", "Infinity", "'a'",
      "\"abc", "{1:2}", "[1 2]", "1e999", "\"\\u12\"", "-",
    ])
  func refuses(source: String) {
    #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: source) }
  }

  @Test("invalid UTF-8 is refused")
  func refusesBadUTF8() {
    #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
  }

  @Test("nesting is taken to the limit and refused one past it", arguments: [0, 1])
  func nesting(past: Int) throws {
    let depth = Limits.maximumJSONDepth + past
    let text = String(repeating: "[", count: depth) + "1" + String(repeating: "]", count: depth)
    if past == 0 {
      #expect(try JSONValue(parsing: text).text == text)
    } else {
      #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: text) }
    }
  }

  @Test("every prefix and every single changed byte of a document ends in a value or an error")
  func mutations() {
    let source = Array(#"{"a": [1, -2.5e3, "x\u00e9\n", {"b": null}], "c": true}"#.utf8)
    var readable = 0
    for end in source.indices {
      if (try? JSONValue(parsing: Array(source[..<end]))) != nil { readable += 1 }
      for byte in [0, 0x22, 0x5C, 0x7B, 0x5D, 0xFF] as [UInt8] {
        var changed = source
        changed[end] = byte
        _ = try? JSONValue(parsing: changed)
      }
    }
    #expect(readable == 0)
  }

  @Test(
    "base64 goes both ways",
    arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")])
  func base64(plain: String, encoded: String) {
    #expect(Base64.encode(Array(plain.utf8)) == encoded)
    #expect(Base64.decode(encoded) == Array(plain.utf8))
  }

  @Test(
    "what is no base64 is refused", arguments: ["Z", "Zg=", "Zg===", "Z*==", "=AAA", "Zg==Zg=="])
  func refusesBase64(text: String) { #expect(Base64.decode(text) == nil) }
}

extension String {
  fileprivate var debugQuoted: String { "\"\(self)\"" }
}
