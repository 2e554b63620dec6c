import Dialects
import Testing

@Suite("The path of a request")
struct RequestTargetTests {
  @Test(
    "a path is normalised once",
    arguments: [
      ("/", []), ("//", []), ("/latest", ["latest"]), ("/latest/", ["latest"]),
      ("//latest///meta-data//", ["latest", "meta-data"]),
      ("/./latest/./", ["latest"]), ("/..", []), ("/../../latest", ["latest"]),
      ("/openstack/latest/../2012-08-10", ["openstack", "2012-08-10"]),
      ("/latest/%2e%2e/x", ["x"]), ("/latest%2fmeta-data", ["latest", "meta-data"]),
      ("/latest%2F..%2Fx", ["x"]), ("/a%20b", ["a b"]), ("/caf%C3%A9", ["café"]),
      ("/a%252f", ["a%2f"]), ("/Latest", ["Latest"]), ("/...", ["..."]),
      ("/a?b=/c", ["a"]), ("/a#b", ["a"]), ("/?x", []), ("/a%3Fb", ["a?b"]),
      ("http://169.254.169.254/latest/user-data", ["latest", "user-data"]),
      ("HTTP://[fd00:ec2::254]:80/x?y", ["x"]), ("http://host", []), ("http://host?x", []),
    ] as [(String, [String])])
  func normalised(_ path: String, _ segments: [String]) throws {
    #expect(try RequestTarget(parsing: Array(path.utf8)).segments == segments)
  }

  @Test(
    "what cannot be read is malformed, with its reason",
    arguments: [
      ("", .notAPath), ("*", .notAPath), ("latest/meta-data", .notAPath), ("ftp://h/x", .notAPath),
      ("https://host/x", .notAPath), ("/%", .percentEncoding), ("/%2", .percentEncoding),
      ("/%zz", .percentEncoding), ("/%+1", .percentEncoding), ("/%00", .nul), ("/a\0b", .nul),
      ("/%ff", .notUTF8), ("/%ed%a0%80", .notUTF8), ("/%c0%af", .notUTF8),
    ] as [(String, RequestTarget.Malformed)])
  func malformed(_ path: String, _ reason: RequestTarget.Malformed) {
    #expect(throws: reason) { try RequestTarget(parsing: Array(path.utf8)) }
  }

  @Test("a path of very many .. is read in a time that goes by its length", .timeLimit(.minutes(1)))
  func hostile() throws {
    let path = String(repeating: "/a", count: 510) + String(repeating: "/..", count: 340)
    let bytes = Array(path.utf8)
    // Taking a segment away by copying the others took longer than that, twenty times as long as this.
    for _ in 0..<7000 {
      guard try RequestTarget(parsing: bytes).segments.count != 170 else { continue }
      Issue.record("the path has not the segments that are left")
    }
  }

  @Test("bytes beyond ASCII need no escape, if they are UTF-8")
  func rawBytes() throws {
    #expect(try RequestTarget(parsing: Array("/café".utf8)).segments == ["café"])
    #expect(throws: RequestTarget.Malformed.notUTF8) {
      try RequestTarget(parsing: [0x2F, 0xFF])
    }
  }

  @Test("OpenStack owns what starts with its name, EC2 all else")
  func owners() throws {
    let owner = { (path: String) in
      DialectTable.dialect(for: try RequestTarget(parsing: Array(path.utf8)))?.name
    }
    #expect(try owner("/openstack/latest") == .openstack)
    #expect(try owner("/openstack/../latest") == .ec2)
    #expect(try owner("/ec2/openstack") == .ec2)
    #expect(try owner("/OpenStack") == .ec2)
    #expect(try owner("/") == .ec2)
  }
}
