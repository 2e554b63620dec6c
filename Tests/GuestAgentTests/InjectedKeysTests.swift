import Testing

// Neither of the two knows the other: what they have in common is held together here.
@testable import DiskImage

@Suite("Keys that were injected")
struct InjectedKeysTests {
  @Test(
    "inject writes authorized_keys as the agent does, byte for byte: each takes up the other's block",
    arguments: AuthorizedKeysTests.cases)
  func alike(before: String, keys: [String], after: String) {
    let text = AuthorizedKeys.text(Array(before.utf8), with: keys)
    #expect(String(decoding: text, as: UTF8.self) == after)
    #expect(AuthorizedKeys.text(text, with: keys) == text)
  }
}
