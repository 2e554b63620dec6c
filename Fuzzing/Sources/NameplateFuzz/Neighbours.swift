import Inventory

@testable import HostNetwork

/// The kernel's messages of one read. Nothing is read beyond their end, and what is read out of a
/// message is read again out of the same one, written anew.
func fuzzNeighbours(_ input: [UInt8]) {
  // Within a larger slice, so that a wrong index is not the array's own.
  let all = [0xFF, 0xFF, 0xFF] + input + [0xFF, 0xFF, 0xFF, 0xFF]
  let bytes = all[3..<(3 + input.count)]
  let messages = RouteMessage.all(in: bytes)
  for message in messages { check(message, in: bytes) }
  for cut in [1, 3, 4, input.count / 2] where cut <= input.count {
    let fewer = RouteMessage.all(in: bytes.dropLast(cut))
    expect(messages.starts(with: fewer), "a message that is cut off reads as another")
  }
}

private func check(_ message: RouteMessage, in bytes: ArraySlice<UInt8>) {
  let payload = message.payload
  expect(
    payload.startIndex >= bytes.startIndex + RouteMessage.headerBytes
      && payload.endIndex <= bytes.endIndex, "a payload beyond the message")
  let attributes = message.attributes(after: 12)
  for value in attributes.values where !value.isEmpty {
    expect(
      value.startIndex >= payload.startIndex + 16 && value.endIndex <= payload.endIndex,
      "an attribute beyond the message")
  }
  if let route = RouteAnswer(message) {
    expect(route.interface > 0, "a way by no interface")
    expectEqual(
      route.isOnLink, attributes[5] == nil && attributes[18] == nil, "a router is passed over")
  }
  if case .known(let mac)? = NeighbourAnswer(message) {
    expect(mac.bits != 0, "a MAC that is none")
    expectEqual(attributes[2].flatMap { MACAddress(bytes: $0) }, mac, "another attribute's MAC")
  }
  expect(message.type == 2 || message.errorCode == nil, "an error of another type")
  _ = message.hasMACs
  checkWritten(message, attributes)
}

private func checkWritten(_ message: RouteMessage, _ attributes: [Int: ArraySlice<UInt8>]) {
  guard message.payload.count >= 12 else { return }
  var writer = RouteMessageWriter(
    type: message.type, flags: 0, sequence: message.sequence,
    fixed: Array(message.payload.prefix(12)))
  for (number, value) in attributes.sorted(by: { $0.key < $1.key }) {
    writer.put(number, Array(value))
  }
  let read = RouteMessage.all(in: writer.bytes[...])
  expectEqual(read.count, 1, "how many messages one is")
  guard let again = read.first else { return }
  expectEqual(again.type, message.type, "the type is not kept")
  expectEqual(again.sequence, message.sequence, "the question's number is not kept")
  expectEqual(again.attributes(after: 12), attributes, "the attributes are not kept")
  expectEqual(RouteAnswer(again), RouteAnswer(message), "the way is not kept")
  expectEqual(NeighbourAnswer(again), NeighbourAnswer(message), "the neighbour is not kept")
  expectEqual(again.hasMACs, message.hasMACs, "what the interface is is not kept")
}
