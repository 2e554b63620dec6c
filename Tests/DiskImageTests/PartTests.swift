import Testing

@testable import DiskImage

@Suite("Parts of what is injected")
struct PartTests {
  private static func block(_ keys: String...) -> String {
    "\(AuthorizedKeys.begin)\n" + keys.map { $0 + "\n" }.joined() + "\(AuthorizedKeys.end)\n"
  }

  @Test(
    "authorized_keys keeps what is others', and has each of our keys once",
    arguments: [
      ("", ["ssh-rsa AA a"], block("ssh-rsa AA a")),
      ("", [], ""),
      ("ssh-rsa BB b", ["ssh-rsa AA a"], "ssh-rsa BB b\n" + block("ssh-rsa AA a")),
      ("from=\"x\" ssh-rsa AA a\n", ["ssh-rsa AA other"], "from=\"x\" ssh-rsa AA a\n"),
      ("# ssh-rsa AA a\n", ["ssh-rsa AA a"], "# ssh-rsa AA a\n" + block("ssh-rsa AA a")),
      (
        block("ssh-rsa XX x") + "ssh-rsa BB b\n", ["ssh-rsa AA a"],
        block("ssh-rsa AA a") + "ssh-rsa BB b\n"
      ),
      ("ssh-rsa BB b\n" + block("ssh-rsa XX x"), [], "ssh-rsa BB b\n"),
      (
        "", ["ssh-rsa AA a", "ssh-rsa AA b", "ssh-rsa CC c"],
        block("ssh-rsa AA a", "ssh-rsa CC c")
      ),
      ("ssh-dss AA a\n", ["ssh-dss BB b"], "ssh-dss AA a\n" + block("ssh-dss BB b")),
      // Without its end, what follows the mark may be anybody's.
      (
        "# BEGIN nameplate-guest\nssh-rsa BB b\n", ["ssh-rsa AA a"],
        block("ssh-rsa AA a") + "ssh-rsa BB b\n"
      ),
      ("ssh-rsa BB b\r\n\n\nssh-rsa CC c\n", [], "ssh-rsa BB b\r\n\n\nssh-rsa CC c\n"),
    ])
  func authorizedKeys(old: String, keys: [String], new: String) {
    let text = AuthorizedKeys.text(Array(old.utf8), with: keys)
    #expect(String(decoding: text, as: UTF8.self) == new)
    #expect(AuthorizedKeys.text(text, with: keys) == text)
  }

  @Test("bytes that are no text stay in authorized_keys")
  func binaryKeys() {
    let odd: [UInt8] = [0xFF, 0x00, 0x0A]
    #expect(AuthorizedKeys.text(odd, with: []) == odd)
  }

  @Test("a user is found by the whole name")
  func user() throws {
    let passwd = PasswdFile(Array("bobby:x:1:1::/b:\nbob:x:1000:1001:B,,:/home/bob:/bin/sh\n".utf8))
    let bob = try passwd.user("bob")
    #expect(bob == GuestUser(name: "bob", uid: 1000, gid: 1001, home: GuestPath(["home", "bob"])))
  }

  @Test(
    "a line of passwd that makes no sense gives nobody",
    arguments: [
      "", "bob", "bob:x:1000:1001::/home/bob", "bob:x:-1:0::/h:", "bob:x:4294967295:0::/h:",
      "bob:x:99999999999999999999:0::/h:", "bob:x:1:0::h:", "bob:x:1:0::/:", "bob:x:1:0::/../../x:",
      "bob:x:1:0::/home/./bob:", "bob:x:1:0::/home/\u{1}:", "bob:x:1:0::/h:/bin/sh:more",
      "bob:x:٣:0::/h:",
    ])
  func oddLines(_ line: String) {
    let error = #expect(throws: DiskImageError.self) {
      try PasswdFile(Array(line.utf8)).user("bob")
    }
    #expect(error?.reason == .noUser)
  }

  @Test(
    "a line of shadow that makes no sense, or a password that no hash is of, changes nothing",
    arguments: [
      ("", "x"), ("bob:*:1\n", "x"), ("root", "x"), ("rooter:*:1", "x"), ("root:*:1", ""),
      ("root:*:1", "a\nb"), ("root:*:1", String(repeating: "x", count: 256)),
    ])
  func oddShadow(text: String, password: String) async {
    var file = ShadowFile(Array(text.utf8))
    do throws(DiskImageError) {
      try await file.set(password, of: "root")
      Issue.record("it was set")
    } catch {
      #expect(error.reason == .noUser || error.reason == .request)
    }
    #expect(file.bytes == Array(text.utf8))
  }

  @Test("a path has plain names only", arguments: ["a", "/a/../b", "/./a", "/a\nb", "/\u{7F}", ""])
  func paths(_ text: String) {
    #expect(throws: DiskImageError.self) { try GuestPath(text, "it") }
  }

  @Test("a slash that wears an accent is a slash")
  func accentedSlash() throws {
    #expect(try GuestPath("/a/\u{301}b", "it").names == ["a", "\u{301}b"])
  }

  @Test("no name with a line break becomes a command of its own")
  func script() {
    let change = InjectionChange(
      path: "/x", action: .remove, isDirectory: false, mode: 0, uid: 0, gid: 0, label: nil,
      purpose: "", before: nil, after: nil, isShown: true, base: "<2>",
      below: ["x\nwrite /etc/shadow stolen"])
    #expect(throws: DiskImageError.self) { try DebugfsScript([change]) }
  }

  @Test("the checksum is GPT's")
  func checksum() { #expect(CRC32.of(Array("123456789".utf8)) == 0xCBF4_3926) }
}
