import HostNetwork
import HostProcess
import Testing

@Suite("The host's tools")
struct HostToolsTests {
  @Test("a tool reads its input and gives what it printed")
  func output() async throws {
    #expect(try await HostTools().run("cat", input: "a line\n") == "a line\n")
  }

  @Test("a tool that fails says its command, its status and what it said")
  func failure() async throws {
    let error = await #expect(throws: HostToolError.self) {
      try await HostTools().run("cat", ["/nowhere"])
    }
    let description = error?.description ?? ""
    #expect(description.hasPrefix("`cat /nowhere` failed (1): "))
    #expect(description.hasSuffix("cat: /nowhere: No such file or directory"))
    #expect(error?.isMissingTool == false)
  }

  @Test("a tool that is not there is told from one that fails")
  func missing() async throws {
    let error = await #expect(throws: HostToolError.self) { try await HostTools().run("np-none") }
    #expect(error?.isMissingTool == true)
  }
}
