@testable import GuestAgent

/// What a service answers the agent; and the same bytes as a key and as somebody's authorized_keys.
func fuzzAgent(_ input: [UInt8]) {
  checkAnswer(input)
  checkKeys(input)
  checkFile(input)
}

private let bodyLimit = 4096

private func checkAnswer(_ input: [UInt8]) {
  let ways = Pieces.ways(of: input).map(read)
  // What follows a whole answer is seen only where it comes in the same piece.
  let single = ways[1]
  for way in ways where way != nil { expectEqual(way, single, "another cut gives another answer") }
  guard let body = single?.body else { return }
  expect(body.count <= bodyLimit, "a body of \(body.count) bytes")
  for metadata in [
    try? MetadataDocument.openStack(body, from: "fuzz"),
    try? MetadataDocument.ec2(body, from: "fuzz"),
  ] {
    for key in metadata?.keys ?? [] { checkLine(key) }
    for reason in metadata?.refusedKeys ?? [] { expect(!reason.contains("\n"), "two lines") }
  }
}

private func read(_ pieces: [ArraySlice<UInt8>]) -> HTTPResponse? {
  var parser = ResponseParser(bodyLimit: bodyLimit)
  do throws(AgentError) {
    for piece in pieces {
      if let response = try parser.read(piece) { return response }
    }
    return try parser.readEnd()
  } catch {
    expect(!error.description.contains("\n"), "an error of two lines")
    return nil
  }
}

private func checkKeys(_ input: [UInt8]) {
  for line in input.split(separator: 0x0A) {
    if let key = try? PublicKey(Array(line)) { checkLine(key) }
  }
}

private func checkLine(_ key: PublicKey) {
  expect(key.line.unicodeScalars.allSatisfy { $0.value >= 0x20 }, "a key of two lines")
  expect(key.line.hasPrefix(key.type + " " + key.word), "something before a key")
  expectEqual(try? PublicKey(Array(key.line.utf8)), key, "a key does not read back")
}

private func checkFile(_ input: [UInt8]) {
  guard
    let key = try? PublicKey(
      Array("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHy8Lcbt7ecFIKL2hr1Zif6XGGsXA+UaZrICuutiJpxx".utf8)
    )
  else { return }
  let file = AuthorizedKeys(input)
  let others = file.bytes(with: [])
  let with = file.bytes(with: file.wanted(of: [key, key]))
  let again = AuthorizedKeys(with)
  expectEqual(again.bytes(with: again.wanted(of: [key])), with, "a second time changes it")
  let without = again.bytes(with: [])
  // A last line may have got its line break.
  expect(without == others || without == others + [0x0A], "somebody else's bytes have changed")
}
