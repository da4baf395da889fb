package cairn

import (
	"context"
	"iter"

	"cairn/clients/go/cairnv1"
)

// TodosOptions choose todos.
type TodosOptions struct {
	// PlanID is a plan, as any version of its file; empty: the session.
	PlanID string
	// Label is one that all of them have.
	Label string
	State TodoState
}

// Todos returns the todos of the session, or of a plan in all of its versions; plan by plan, in the order of the document.
func (s *Scope) Todos(ctx context.Context, options *TodosOptions) iter.Seq2[*Todo, error] {
	if options == nil {
		options = &TodosOptions{}
	}
	state, err := numberOf(todoStateNames, options.State, "state")
	if err != nil {
		return func(yield func(*Todo, error) bool) { yield(nil, err) }
	}
	request := &cairnv1.ListTodosRequest{PageSize: pageSize, Label: options.Label, State: cairnv1.TodoState(state)}
	request.PlanId, request.SessionId = s.owner(options.PlanID)
	call := s.client.connection.todos.ListTodos
	read := pages(ctx, s.client.connection, call, request, func(token string) { request.PageToken = token })
	return items(read, (*cairnv1.ListTodosResponse).GetTodos, todoOf)
}

// AddTodo adds a todo at the end of those of a plan, or of the session if planID is empty. The text is one line.
func (s *Scope) AddTodo(ctx context.Context, text, planID string, state TodoState) (*Todo, error) {
	number, err := numberOf(todoStateNames, state, "state")
	if err != nil {
		return nil, err
	}
	request := &cairnv1.AddTodoRequest{
		Text: text, State: cairnv1.TodoState(number), AgentId: s.place.Agent, IdempotencyKey: freshKey(),
	}
	request.PlanId, request.SessionId = s.owner(planID)
	answer, err := unary(ctx, s.client.connection, s.client.connection.todos.AddTodo, request)
	if err != nil {
		return nil, err
	}
	return todoOf(answer.Todo), nil
}

// UpdateTodo changes the state or the text of a todo; what is empty does not change.
func (s *Scope) UpdateTodo(ctx context.Context, id string, state TodoState, text string) (*Todo, error) {
	number, err := numberOf(todoStateNames, state, "state")
	if err != nil {
		return nil, err
	}
	request := &cairnv1.UpdateTodoRequest{
		TodoId: id, State: cairnv1.TodoState(number), Text: text, AgentId: s.place.Agent, IdempotencyKey: freshKey(),
	}
	answer, err := unary(ctx, s.client.connection, s.client.connection.todos.UpdateTodo, request)
	if err != nil {
		return nil, err
	}
	return todoOf(answer.Todo), nil
}

// owner is the plan that todos belong to, or the session.
func (s *Scope) owner(planID string) (plan, session string) {
	if planID != "" {
		return planID, ""
	}
	return "", s.place.Session
}
