//! The protocol: what hosts list, read and call.

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, GetPromptRequestParams,
        GetPromptResponse, Implementation, ListPromptsResult, ListResourceTemplatesResult,
        ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams,
        ReadResourceResponse, ServerCapabilities, ServerConfig,
    },
    service::RequestContext,
};

use super::{Arguments, Mcp, answer::ToolError, resources, summary};

/// What a host may tell its model about all the tools.
const INSTRUCTIONS: &str = "Cairn stores files of agents as versioned artifacts. Answers are bounded: follow cursor or \
     the next offset for more. Errors say which call to make next.";

impl ServerHandler for Mcp {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_prompts()
            .build();
        let own = Implementation::new("cairn", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities)
            .with_server_info(own)
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let with_paths = self.folders.are_given();
        let tools = self.tools.iter().map(|tool| tool.listed(with_paths));
        Ok(ListToolsResult::with_all_items(tools.collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let answer = self.answer(request).await;
        let result = answer.map_or_else(CallToolResult::from, CallToolResult::from);
        Ok(result.into())
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let cursor = request.and_then(|request| request.cursor);
        resources::list(self, cursor.unwrap_or_default()).await
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(resources::templates())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        Ok(resources::read(self, &request.uri).await?.into())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(vec![summary::prompt()]))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        Ok(summary::get(self, request).await?.into())
    }
}

impl Mcp {
    async fn answer(
        &self,
        request: CallToolRequestParams,
    ) -> Result<super::answer::Answer, ToolError> {
        let known = self.tools.iter().find(|tool| tool.name == request.name);
        let Some(tool) = known else {
            let names: Vec<_> = self.tools.iter().map(|tool| tool.name).collect();
            let name: String = request.name.chars().take(64).collect();
            return Err(ToolError::new(format!(
                "there is no tool {name} for this key: call one of {}",
                names.join(", ")
            )));
        };
        let arguments = Arguments::of(tool, self.folders.are_given(), request.arguments)?;
        self.call(tool.name, &arguments).await
    }
}
