import HostProcess
import Inventory
import Testing

@testable import HostNetwork

@Suite("What a redirect's tools say")
struct RedirectToolTests {
  @Test("a tool that is missing or fails has nothing to say")
  func nothing() async throws {
    let tools = HostTools()
    #expect(try await tools.outputIfAny("echo", ["a"]) == "a\n")
    #expect(try await tools.outputIfAny("np-no-such-tool") == nil)
    #expect(try await tools.outputIfAny("false") == nil)
  }

  @Test(
    "a tool that does not end, is ended or cannot be run now is an error, and not missing",
    arguments: [
      (["cat", "/dev/zero"], "bytes"), (["sh", "-c", "kill -9 $$"], "was ended by signal 9"),
      // Longer than Linux lets one argument be.
      (["echo", String(repeating: "a", count: 200_000)], "Argument list too long"),
    ])
  func unanswered(words: [String], sentence: String) async throws {
    let error = await #expect(throws: RedirectError.self) {
      try await HostTools().outputIfAny(words[0], Array(words.dropFirst()))
    }
    guard case .tool(let error) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(!error.isMissingTool && error.description.contains(sentence), "\(error.reason)")
  }

  @Test("a tool that is given up is an error, and neither it nor a device is missing")
  func givenUp() async throws {
    let tool = Task {
      unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
      return try await HostTools().outputIfAny("sleep", ["60"])
    }
    await #expect(throws: RedirectError.self) { try await tool.value }
    let mac = try #require(MACAddress("02:00:00:00:00:01"))
    let guarded = try PortGuard(device: "tap0", mac: mac, addresses: [.v4(0xC000_0201)])
    let device = Task {
      unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
      return try await PortGuards().install(guarded)
    }
    let error = await #expect(throws: RedirectError.self) { try await device.value }
    guard case .tool = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}
