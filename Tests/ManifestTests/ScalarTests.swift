import Inventory
import Manifest
import Testing

func value(_ yaml: String) throws -> JSONValue {
  try #require(try readDocuments(text: yaml, name: "t.yaml").first).value
}

@Suite("Scalars")
struct ScalarTests {
  @Test(
    "a plain word is what a reader expects, never a trap",
    arguments: [
      ("no", "no"), ("yes", "yes"), ("on", "on"), ("Off", "Off"), ("y", "y"), ("0042", "0042"),
      ("1:30", "1:30"), ("2001-12-14", "2001-12-14"), ("0x1f", "0x1f"), ("0o17", "0o17"),
      ("1_000", "1_000"), (".5", ".5"), (".inf", ".inf"), (".nan", ".nan"), ("+-1", "+-1"),
      ("1.2.3", "1.2.3"), ("10.20.0.15", "10.20.0.15"), ("fa:16:3e:9c:bf:3d", "fa:16:3e:9c:bf:3d"),
      ("02:16:3e:00:00:01", "02:16:3e:00:00:01"), ("2001-12-14t21:59:43.10Z", nil),
      ("NaN", "NaN"), ("=", "="),
    ] as [(String, String?)])
  func words(_ yaml: String, _ text: String?) throws {
    #expect(try value("a: \(yaml)")["a"] == .string(text ?? yaml))
  }

  @Test("core words and numbers are values")
  func core() throws {
    let yaml = "{a: true, b: FALSE, c: null, d: ~, e: , f: 12, g: -0.5, h: 1e3, i: +7, j: 1.0}"
    let expected: JSONValue = [
      "a": true, "b": false, "c": .null, "d": .null, "e": .null, "f": 12,
      "g": .number(try #require(JSONNumber(-0.5))), "h": .number(try #require(JSONNumber(1000.0))),
      "i": 7, "j": .number(try #require(JSONNumber(1.0))),
    ]
    #expect(try value(yaml) == expected)
  }

  @Test("quotes, blocks and !!str make strings")
  func strings() throws {
    #expect(
      try value("a: 'no'\nb: \"1\"\nc: !!str 1\nd: |\n  1\ne: ! 5") == [
        "a": "no", "b": "1", "c": "1", "d": "1\n", "e": "5",
      ])
  }

  @Test("core tags hold what they say")
  func tags() throws {
    #expect(
      try value("a: !!int 5\nb: !!null ~\nc: !!map {}\nd: !!seq []\ne: !!bool true") == [
        "a": 5, "b": .null, "c": [:], "d": [], "e": true,
      ])
    for yaml in ["a: !!int x", "a: !!binary aGk=", "a: !local 1", "a: !!set {x}", "!!python/x {}"] {
      #expect(throws: ManifestError.self, "\(yaml)") { try value(yaml) }
    }
  }

  @Test("numbers keep their digits up to the limit; longer runs are refused")
  func longNumbers() throws {
    let full = String(repeating: "9", count: Limits.maximumJSONNumberBytes)
    #expect(try value("a: \(full)")["a"] == .number(try #require(JSONNumber(jsonText: full))))
    #expect(throws: ManifestError.self) { try value("a: \(full)9") }
  }
}
