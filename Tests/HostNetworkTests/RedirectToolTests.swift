import HostProcess
import Testing

@testable import HostNetwork

@Suite("What a redirect's tools say")
struct RedirectToolTests {
  @Test("a tool that is missing or fails has nothing to say; one that does not end is an error")
  func outputIfAny() async throws {
    let tools = HostTools()
    #expect(try await tools.outputIfAny("echo", ["a"]) == "a\n")
    #expect(try await tools.outputIfAny("np-no-such-tool") == nil)
    #expect(try await tools.outputIfAny("false") == nil)
    await #expect(throws: RedirectError.self) { try await tools.outputIfAny("cat", ["/dev/zero"]) }
  }
}
